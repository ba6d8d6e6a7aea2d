"""Functional proof that something works: the model of checks and verdicts."""
