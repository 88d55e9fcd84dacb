"""The command `parvis`: the one package that may import both the box and the server."""

__version__ = "0.1.0"
