"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair: several suites share two cores.
settings.register_profile("provision", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("provision")
