"""What holds for every test."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair: several suites share two cores.
settings.register_profile("provision", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("provision")

# Who was started by `nohup`, or in the background of a script, ignores these, and so would every program that a test starts.
for _number, _handler in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `--dist loadgroup`, the tests that boot boxes are one worker's: one after another, beside all others."""
    for item in items:
        if item.get_closest_marker("box"):
            item.add_marker(pytest.mark.xdist_group("box"))
