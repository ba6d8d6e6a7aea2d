"""A plan asked for before the facts are in: most machines are what they were the last time.

The facts of each machine are kept in the user's cache. While its agent starts, the catalog is compiled from them and sent
after the agent, so that the plan comes with the new facts. It counts only if those give the very same catalog.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from provision.agent.wire import Message
from provision.catalog import model as catalogs
from provision.errors import ProvisionError
from provision.facts import model as facts_model
from provision.facts.model import Facts
from provision.run import payload

if TYPE_CHECKING:
    from provision.catalog.model import Catalog
    from provision.run.recipe import Recipe


class Guess:
    """The catalog of a machine that is what it was; one thread makes it, another waits for it."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._catalog: Catalog | None = None
        self._message: Message = {"do": "stop"}  # nothing runs yet: it does nothing
        self._made = threading.Event()

    def make(self, recipe: Recipe) -> None:
        """Compile the catalog; one that cannot be compiled is no guess, and the new facts will tell why."""
        try:
            with contextlib.suppress(ProvisionError):
                catalog = recipe.compile(self._facts)
                self._catalog, self._message = catalog, wanted(catalog)
        finally:
            self._made.set()

    def get(self) -> Catalog | None:
        """Wait for the catalog; `None` when there is no guess."""
        self._made.wait()
        return self._catalog

    def message(self) -> Message:
        """Wait for what is sent unasked: the guess, or nothing of consequence."""
        self._made.wait()
        return self._message


def wanted(catalog: Catalog) -> Message:
    """Return the message that asks for the plan of `catalog`."""
    modules = payload.for_kinds(entry.resource.kind for entry in catalog.entries)
    return {"do": "plan", "catalog": catalogs.dump(catalog, redact=False), "modules": payload.packed(modules)}


def recall(name: str) -> Guess | None:
    """Return what is to be guessed of the machine that people call `name`; `None` when it was never seen, or long ago."""
    try:
        return Guess(facts_model.load(json.loads(_path(name).read_bytes())))
    except (OSError, ValueError, TypeError, LookupError, AttributeError, ProvisionError):
        return None


def remember(name: str, facts: Facts) -> None:
    """Keep the facts of a machine, for this user alone; a cache that cannot be written costs a turn, nothing else."""
    path = _path(name)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(facts_model.dump(facts), file)
        scratch.replace(path)


def _path(name: str) -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "provision" / "facts"
    return folder / hashlib.sha256(name.encode()).hexdigest()[:16]
