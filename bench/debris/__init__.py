"""Notices of objects on the road against the truth: see `bench.debris.cli`."""
