"""The folder of a Python environment, whoever makes it: our record in it, whose it is, what is missing above it."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from typing import Any, Protocol

from provision.agent.host import Account, Reader
from provision.agent.provider import Pending
from provision.agent.steps import MakeDirectory, Step
from provision.errors import ProvisionError

SCHEMA = 1
"""Of `provision.json`, which says that we began an environment, and how far it is."""
_LARGEST = 1 << 26
_LINKS = 10
"""Links followed from an interpreter before it counts as gone."""


class Wanted(Protocol):
    """An environment, of any kind."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def path(self) -> str:
        """Where it lies."""

    @property
    def owner(self) -> str:
        """Whose it is."""


class Found(Protocol):
    """What was observed of one."""

    @property
    def account(self) -> Account | None:
        """Its owner's."""

    @property
    def kind(self) -> str:
        """What is at its path, as `lstat` says; empty for nothing."""

    @property
    def ours(self) -> bool:
        """Whether we began it."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The directories above it that are not there, outermost first."""


def text(host: Reader, path: str) -> str:
    """Return what a file holds, empty where there is none."""
    return (host.read(path, limit=_LARGEST) or b"").decode(errors="replace")


def record(host: Reader, path: str) -> dict[str, Any]:
    """Return our record of the environment at `path`, empty without one; raises `ProvisionError` for a newer provision's."""
    try:
        found = json.loads(text(host, f"{path}/provision.json"))
    except ValueError:
        return {}
    if not isinstance(found, dict) or not isinstance(found.get("schema"), int):
        return {}
    if found["schema"] > SCHEMA:
        raise ProvisionError(f"environment `{path}` was made by a newer provision", hint="update provision on this machine")
    return found


def missing(host: Reader, path: str) -> tuple[str, ...]:
    """Return the directories above `path` that are not there, outermost first."""
    out: list[str] = []
    above = posixpath.dirname(path)
    while above != "/" and host.lstat(above) is None:
        out.insert(0, above)
        above = posixpath.dirname(above)
    return tuple(out)


def program(host: Reader, path: str) -> str:
    """Return the file that the links at `path` lead to, empty where they lead nowhere."""
    for _ in range(_LINKS):
        there = host.lstat(path)
        if there is None or there.kind != "link":
            return path if there is not None and there.kind == "file" else ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), host.readlink(path) or ""))
    return ""


def refuse(want: Wanted, have: Found, pending: Pending) -> None:
    """Raise `ProvisionError` where there is nobody to own an environment, or somebody else's thing is in its place."""
    if have.account is None and not pending.has(f"user:{want.owner}"):
        raise ProvisionError(
            f"environment `{want.name}`: there is no user `{want.owner}`", hint=f"`sudo adduser {want.owner}`, or name another"
        )
    if have.kind and not have.ours:
        raise ProvisionError(
            f"environment `{want.name}`: what is at `{want.path}` was not made by provision, and stays as it is",
            hint=f"move it away (`mv {want.path} {want.path}.old`), or give the environment another `path`",
        )


def directories(want: Wanted, have: Found, account: Account, *, itself: bool) -> Iterator[Step]:
    """Yield the steps that make what is missing above an environment, and with `itself` its own directory."""
    for path in have.missing:
        mine = path.startswith(f"{account.home}/")
        owner, group = (want.owner, account.group) if mine else ("root", "root")
        yield MakeDirectory(path=path, mode=0o755, owner=owner, group=group)
    if itself:
        yield MakeDirectory(path=want.path, mode=0o755, owner=want.owner, group=account.group)
