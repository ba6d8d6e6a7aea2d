"""A check proves that something *works*; a verdict says so, with evidence.

Yielded by roles, run by the agent, so the standard library only.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum
from typing import Any

from provision.resources.base import check_name


class Outcome(str, Enum):
    """What a check found."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What is run: `argv` as `user`, with `stdin`, at most `timeout` seconds.

    It passes on exit 0, fails on another, is skipped on 77 (as automake has it). Where stdout's last line is a JSON
    object, its `evidence` and `hint` are taken; otherwise the last line is the evidence. `expect` is a regular
    expression stdout must match somewhere. `credentials` are (NAME, path): files root reads and hands over as the
    environment variable NAME_FILE pointing to a private copy the user can read, removed afterwards.
    """

    argv: tuple[str, ...]
    user: str = "root"
    stdin: str = ""
    timeout: int = 120
    expect: str = ""
    credentials: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        check_name(self.user, "user")


@dataclass(frozen=True, kw_only=True)
class Check:
    """`name` is short and says what works ("driver answers"); `proves` is a sentence; `hint` what to type when it fails."""

    name: str
    proves: str
    probe: Probe
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one check of one role found."""

    role: str
    name: str
    outcome: Outcome
    evidence: str = ""
    hint: str = ""
    seconds: float = 0.0


def dump(check: Check) -> dict[str, Any]:
    """Return `check` as JSON-able data."""
    return dataclasses.asdict(check)


def load(data: dict[str, Any]) -> Check:
    """Return the check that `dump` described."""
    probe = dict(data["probe"])
    probe["argv"] = tuple(probe["argv"])
    probe["credentials"] = tuple((name, path) for name, path in probe["credentials"])
    return Check(**{**data, "probe": Probe(**probe)})
