"""How many things on the road are found, how soon, and how often nothing is called something (docs/debris.md)."""
