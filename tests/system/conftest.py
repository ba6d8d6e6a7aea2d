"""Boxes for the system tests: a fresh machine costs about a second once its root is cached."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import pytest

from provision.box import support
from provision.box.box import Box
from provision.box.signals import ending_raises

REQUIRED = "PROVISION_REQUIRE_BOXES"

FreshBox = Callable[..., Box]


@pytest.fixture(scope="session", autouse=True)
def _ended_in_order() -> Iterator[None]:
    """SIGTERM closes the boxes, too."""
    with ending_raises():
        yield


@pytest.fixture(scope="session")
def _boxes() -> None:
    reason = support.why_not()
    if not reason:
        return
    if os.environ.get(REQUIRED):
        pytest.fail(f"{REQUIRED} is set, and {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def fresh_box(_boxes: None) -> Iterator[FreshBox]:
    """Boot boxes of a release (`host`: this machine's own), with apt packages in the root; they are gone after the test."""
    with ExitStack() as opened:

        def boot(release: str = "host", *, packages: Sequence[str] = ()) -> Box:
            return opened.enter_context(Box(release, packages=packages, say=_say))

        yield boot


@pytest.fixture(scope="module")
def box(_boxes: None) -> Iterator[Box]:
    """One box for all tests of a module that do not mind each other."""
    with Box(say=_say) as booted:
        yield booted


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
