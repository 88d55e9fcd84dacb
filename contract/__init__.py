"""The wire between box and server: all that the two share, importing neither."""
