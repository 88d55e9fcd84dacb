"""What leaves a box, shown and documented: the box's page and the papers of the data protection officer."""
