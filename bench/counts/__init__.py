"""Counts against truth: `python -m bench.counts` (docs/counting-error.md says how each figure is defined)."""
