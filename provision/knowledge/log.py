"""What the driver writes into the kernel's log and what it means (`xids.toml`), and why a GPU may run slower than it could."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from provision.knowledge import table
from provision.knowledge.model import Fact, Source


@dataclass(frozen=True, kw_only=True)
class Trouble(Fact):
    """Something the GPU or its driver reports: its name, what it means, what to do, and what to type.

    `severity` is the doctor's word (empty: no trouble), `advice_mark` how good the evidence for the advice is (empty: as `mark`).
    `follows` says that it comes with or after another one, which tells more.
    """

    name: str
    meaning: str
    advice: str
    mend: str
    severity: str
    advice_mark: str = ""
    follows: bool = False


@dataclass(frozen=True, kw_only=True)
class Xid(Trouble):
    """An error of the driver's, by its number."""

    code: int


@dataclass(frozen=True, kw_only=True)
class Message(Trouble):
    """Another line of the log, by a regular expression."""

    pattern: str

    def found(self, line: str) -> bool:
        """Return whether `line` is such a line."""
        return re.search(self.pattern, line) is not None


@dataclass(frozen=True, kw_only=True)
class Throttle(Trouble):
    """A reason for low clocks; `reason` is how nvidia-smi says it, in small letters."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Log:
    """The whole of `xids.toml`."""

    sources: tuple[Source, ...]
    xids: tuple[Xid, ...]
    messages: tuple[Message, ...]
    throttles: tuple[Throttle, ...]

    def xid(self, code: int) -> Xid | None:
        """Return the row of an Xid."""
        return next((xid for xid in self.xids if xid.code == code), None)

    def throttle(self, words: str) -> Throttle | None:
        """Return the row of a reason in nvidia-smi's words (`HW Thermal Slowdown`, `hw_thermal_slowdown`)."""
        said = words.lower().replace("_", " ")
        return next((throttle for throttle in self.throttles if throttle.reason in said), None)


@cache
def log() -> Log:
    """Return what is known of the kernel's log."""
    data = table("xids")
    return Log(
        sources=tuple(Source(**row) for row in data["sources"]),
        xids=tuple(Xid(**row) for row in data["xids"]),
        messages=tuple(Message(**row) for row in data["messages"]),
        throttles=tuple(Throttle(**row) for row in data["throttles"]),
    )
