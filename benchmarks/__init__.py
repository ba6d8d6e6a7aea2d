"""Measurements against other tools, and against our own bars: see `docs/benchmarks.md`."""
