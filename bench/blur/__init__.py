"""How much of what must be hidden a mask hides: faces, heads and plates, standing and moving, by size."""
