"""The half that runs as root on the target, from memory: facts, observation, plan, apply, checks, journal.

Standard library and `distro` only, Python 3.10 or newer.
"""
