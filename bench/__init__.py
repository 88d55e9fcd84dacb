"""Reproducible measurements: `python -m bench.NAME [--json]`."""
