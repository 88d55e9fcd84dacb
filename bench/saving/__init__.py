"""What the box saves, and that it costs no count: `python -m bench.saving`."""
