"""A machine as the providers see it: a `Reader` that can only look, and a `Writer` that can also perform steps.

`plan` and `verify` hand providers a `Reader`; there is no write verb on it to call by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from provision.errors import UnreadableError
from provision.resources.base import Blob

if TYPE_CHECKING:
    from provision.agent.steps import Step

__all__ = ["Account", "Deb", "Output", "Reader", "Stat", "UnitState", "UnreadableError", "Writer"]


@dataclass(frozen=True, kw_only=True)
class Stat:
    """What `lstat` says, with names for the owner (the number as text where there is no name)."""

    kind: str
    """`file`, `directory`, `link` or `other` (a FIFO, a device, a socket)."""
    mode: int
    owner: str
    group: str
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, kw_only=True)
class Account:
    """A line of passwd, with the supplementary groups."""

    name: str
    uid: int
    gid: int
    group: str
    home: str
    shell: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Deb:
    """A package dpkg knows: `status` is the third word of its status (`installed`, `half-configured`, `config-files`…)."""

    name: str
    version: str
    status: str
    held: bool
    architecture: str = ""


@dataclass(frozen=True, kw_only=True)
class UnitState:
    """What systemd says of a unit; `started_us` is microseconds since the epoch, 0 when it is not active."""

    load: str
    """`loaded`, `not-found`, `masked`, `error`…"""
    active: str
    """`active`, `inactive`, `failed`, `activating`…"""
    file: str
    """`enabled`, `disabled`, `static`, `masked`, `alias`, `` …"""
    needs_reload: bool = False
    started_us: int = 0


@dataclass(frozen=True, kw_only=True)
class Output:
    """What a finished program left."""

    code: int
    stdout: str
    stderr: str


class Reader(Protocol):
    """Look at a machine. Absent is `None`, unknown is an empty answer, unreadable raises `UnreadableError`."""

    def lstat(self, path: str) -> Stat | None:
        """Return what is at `path` without following a final link; `None` when nothing is."""

    def read(self, path: str, *, limit: int = 1 << 26) -> bytes | None:
        """Return a regular file's bytes, at most `limit`; never follows a final link, never blocks on a FIFO.

        Raises `UnreadableError` for anything else than a regular file, for lack of permission, and above `limit`.
        """

    def readlink(self, path: str) -> str | None:
        """Return the target of the link at `path`; `None` when nothing is there; raises when it is not a link."""

    def listdir(self, path: str) -> tuple[str, ...] | None:
        """Return the sorted names in a directory; `None` when nothing is there."""

    def sha256(self, path: str) -> str | None:
        """Return the SHA-256 of a regular file in hexadecimal; `None` when nothing is there."""

    def query(self, argv: Sequence[str], *, timeout: int = 60, user: str = "root") -> Output:
        """Run a program that only looks; raises `PermissionError` unless it is on the list of such programs."""

    def guard(self, argv: Sequence[str], *, timeout: int = 60, user: str = "root") -> Output:
        """Run a person's guard where the file system cannot be written."""

    def accounts(self) -> Mapping[str, Account]:
        """Return all users by name (passwd and group read once)."""

    def group_names(self) -> Mapping[str, int]:
        """Return all groups by name."""

    def debs(self) -> Mapping[str, Deb]:
        """Return the packages dpkg knows by name (its status file parsed once)."""

    def unit(self, name: str) -> UnitState:
        """Return a unit's state; all units the catalog names are asked for in one `systemctl show`."""

    def recall(self, name: str) -> str | None:
        """Return what `Remember` kept under `name`."""

    def blob(self, blob: Blob) -> bytes | None:
        """Return a blob's bytes when they are here."""

    def boot_id(self) -> str:
        """Return the id of this boot."""

    def boot_time_ns(self) -> int:
        """Return when this boot began, nanoseconds since the epoch."""

    def now_ns(self) -> int:
        """Return the time, nanoseconds since the epoch."""


class Writer(Reader, Protocol):
    """Also change a machine, one step at a time."""

    def perform(self, step: Step) -> None:
        """Perform `step` whole, or raise `StepError` with the child's last lines; drops what observation had kept."""
