"""Solving environments anew, each in a directory that goes away again: nothing of the environments changes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

from provision.agent import events, runs
from provision.agent.events import Event
from provision.agent.host import Account, Writer
from provision.agent.journal import PROGRESS_INTERVAL
from provision.agent.provider import SolvingProvider, provider_of
from provision.agent.steps import MakeDirectory, RemoveTree
from provision.agent.writer import MachineWriter
from provision.catalog.model import Catalog, Entry
from provision.errors import ProvisionError, StepError
from provision.resources.base import Resource

_TOOLS = ("program", "python", "uv")
"""Fields of environments that may hold the path of what solves them."""


def solve(catalog: Catalog, names: Sequence[str], tell: Callable[[Event], None]) -> None:
    """Solve the environments `names` of `catalog` one after the other; tell how each went, and what came of it.

    One that cannot be solved does not stop the others.
    """
    teller = Teller(tell)
    runs.private_directory(runs.RUNTIME)
    os.chmod(runs.RUNTIME, 0o711)  # noqa: S103 - the owners must reach their own directories in it
    for entry in catalog.entries:
        if getattr(entry.resource, "name", "") in names and hasattr(provider_of(entry.resource.kind), "solve"):
            host = MachineWriter(secrets=catalog.secrets)
            host.on_progress = teller.progress
            teller.solving(entry, host, f"{runs.RUNTIME}/solve-{os.urandom(6).hex()}")


class Teller:
    """Tells in events, as a run does, how each environment is solved."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._number = 0
        self._key = ""
        self._spoke = 0.0

    def solving(self, entry: Entry, host: Writer, scratch: str) -> None:
        """Solve one environment in `scratch`, which is made for it and removed."""
        began, self._key = time.monotonic(), entry.resource.key
        about = {"key": self._key, "role": entry.role, "title": entry.resource.title}
        self._say(events.RESOURCE_STARTED, **about)
        try:
            found = _solved(entry, host, scratch)
        except ProvisionError as error:
            self._say(events.RESOURCE_FAILED, **about, message=error.message, evidence=error.evidence, hint=error.hint)
            return
        for name, text in found.items():
            self._say(events.RESULT, name=name, subject=getattr(entry.resource, "name", ""), text=text)
        self._say(events.RESOURCE_DONE, **about, result="solved", seconds=round(time.monotonic() - began, 2))

    def progress(self, says: str, fraction: float | None, done: int | None, total: int | None) -> None:
        """Tell how far it is, not too often."""
        if time.monotonic() - self._spoke >= PROGRESS_INTERVAL:
            self._spoke = time.monotonic()
            self._say(events.PROGRESS, key=self._key, says=says, fraction=fraction, bytes=done, total_bytes=total)

    def _say(self, event: str, **fields: Any) -> None:  # noqa: ANN401 - JSON values
        self._number += 1
        self._tell({"seq": self._number, "time": round(time.time(), 3), "event": event, **fields})


def _solved(entry: Entry, host: Writer, scratch: str) -> dict[str, str]:
    want = entry.resource
    provider = cast("SolvingProvider[Any, Any]", provider_of(want.kind))
    account = _ready(entry, host)
    have = provider.observe(want, host)
    host.perform(MakeDirectory(path=scratch, mode=0o700, owner=account.name, group=account.group))
    try:
        for step in provider.solve(want, have, scratch):
            host.perform(step)
        found = provider.solved(want, host, scratch)
    finally:
        host.perform(RemoveTree(path=scratch))
    empty = [name for name, text in found.items() if not text.strip()]
    if empty:
        raise StepError(f"solving it left no {empty[0]}")
    return found


def _ready(entry: Entry, host: Writer) -> Account:
    """Return whose environment it is; raises `ProvisionError` while its owner or what solves it is not on the machine."""
    want, hint = entry.resource, f"`provision apply {entry.role}` first, which solves it too"
    owner = str(getattr(want, "owner", "root"))
    account = host.accounts().get(owner)
    if account is None:
        raise ProvisionError(f"there is no user `{owner}` yet", hint=hint)
    for path in _tools(want):
        if host.lstat(path) is None:
            raise ProvisionError(f"`{path}`, which solves it, is not on this machine yet", hint=hint)
    return account


def _tools(want: Resource) -> list[str]:
    found = (str(getattr(want, field, "")) for field in _TOOLS)
    return [path for path in found if path.startswith("/")]
