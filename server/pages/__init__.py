"""HTML for people: server-rendered, readable without JavaScript, charts drawn from the tables."""
