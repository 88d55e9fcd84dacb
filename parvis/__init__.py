"""The command `parvis`: the one package that may import both the box and the server."""
