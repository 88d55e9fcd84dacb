"""A box left alone for hours while everything around it fails in turn (R38): `python -m bench.soak`."""
