"""What holds for every test."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer  # type: ignore[import-untyped]  # it says nothing of its types
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # as above

# How long an example takes is the machine's affair: several suites share two cores.
settings.register_profile("provision", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fast", settings.get_profile("provision"), max_examples=25)
settings.load_profile("provision")

# Who was started by `nohup`, or in the background of a script, ignores these, and so would every program that a test starts.
for _number, _handler in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """With `--dist loadscope`, system tests are one worker's, one after another, beside all others."""
    return SystemTestsInARow(config, log) if config.getvalue("dist") == "loadscope" else None


class SystemTestsInARow(LoadScopeScheduling):  # type: ignore[misc]  # as above
    """Boxes are heavy, and take turns."""

    def _split_scope(self, nodeid: str) -> str:
        return "system" if nodeid.startswith("tests/system/") else nodeid
