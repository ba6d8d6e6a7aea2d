"""`provision lock`: environments are solved anew on a machine, and their locks written; nothing else changes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from provision.agent import events
from provision.agent.events import Event
from provision.catalog.model import Catalog, Entry
from provision.errors import Exit, InputError, ProvisionError
from provision.profile.lock import REPORTS, Lock
from provision.profile.lock_changes import compare
from provision.resources.conda_environment import CondaEnvironment
from provision.resources.uv_environment import UvEnvironment
from provision.run.connect import Gate, Sudo, connect, each
from provision.run.request import Request
from provision.run.ui import Ui
from provision.transports.base import Transport

if TYPE_CHECKING:
    from provision.run.recipe import Recipe
    from provision.run.session import Session

Environment = UvEnvironment | CondaEnvironment


@dataclass
class Solved:
    """What a machine found: locks by environment; `failed` is how many it could not solve. Shows it as it comes."""

    host: str
    ui: Ui
    locks: dict[str, Lock] = field(default_factory=dict)
    failed: int = 0
    names: dict[str, str] = field(default_factory=dict)
    """The environments' names by key."""

    def show(self, event: Event) -> None:
        """Take one event in."""
        kind, name = event["event"], self.names.get(str(event.get("key")), "")
        if kind in {events.RESOURCE_STARTED, events.PROGRESS}:
            says = str(event.get("says") or "")
            self.ui.connecting(self.host, f"solving {name}" + (f" · {says}" if says else ""))
        elif kind == events.RESULT and event["name"] in REPORTS:
            subject = event["subject"]
            self.locks[subject] = self.locks.get(subject, Lock()).with_report(event["name"], event["text"])
        elif kind == events.RESOURCE_FAILED:
            self.failed += 1
            error = ProvisionError(f"{name}: {event['message']}", hint=event["hint"], evidence=event["evidence"])
            self.ui.failed(self.host, error)


def lock(machine: Transport, request: Request, sudo: Sudo, ui: Ui, *, names: Sequence[str], upgrade: bool) -> Exit:
    """Solve on `machine` the environments `names` (all, when there are none) that have no lock, or all with `upgrade`.

    Returns the process's exit code; raises `InputError` for an unknown name, and why the machine could not be asked.
    """
    host, gate = machine.name, Gate()
    ui.connecting(host, "connecting")
    later = connect([machine], sudo, gate)[host]
    from provision.run.recipe import read_recipe  # noqa: PLC0415 - its imports take as long as the connection being made

    recipe = read_recipe(request)
    gate.open()
    code = each([host], lambda _: _lock(later.get(), recipe, Solved(host, ui), names, upgrade=upgrade))[host]
    if isinstance(code, ProvisionError):
        raise code
    return code


def _lock(session: Session, recipe: Recipe, solved: Solved, names: Sequence[str], *, upgrade: bool) -> Exit:
    with session:
        solved.ui.facts(solved.host, session.facts)
        entries = _environments(recipe.compile(session.facts))
        _check_names(names, entries, recipe)
        wanted = [name for name, entry in entries.items() if name in names or not names]
        todo = [entries[name] for name in wanted if name not in recipe.given and (upgrade or not _locked(entries[name]))]
        if not todo:
            solved.ui.note(solved.host, _nothing(wanted, recipe.given))
            return Exit.DONE
        solved.names = {entry.resource.key: _name(entry) for entry in todo}
        solved.ui.connecting(solved.host, "solving")
        session.solve(Catalog(entries=tuple(map(_unlocked, todo))), list(solved.names.values()), solved.show)
    _keep(recipe, solved)
    return Exit.FAILED if solved.failed else Exit.DONE


def _keep(recipe: Recipe, solved: Solved) -> None:
    """Write what was found, and show the difference."""
    if not solved.locks:
        return
    before = recipe.locks
    different = {name: found for name, found in solved.locks.items() if before.get(name) != found}
    solved.ui.locks(solved.host, tuple(compare(name, before.get(name, Lock()), found) for name, found in solved.locks.items()))
    if different:
        solved.ui.note(solved.host, f"wrote {recipe.keep_locks(different)}: `provision apply` installs it")
    else:
        solved.ui.note(solved.host, f"{recipe.lock_path} is as it was")


def _environments(catalog: Catalog) -> dict[str, Entry]:
    return {_name(entry): entry for entry in catalog.entries if isinstance(entry.resource, Environment)}


def _name(entry: Entry) -> str:
    assert isinstance(entry.resource, Environment)  # noqa: S101 - `_environments` lets no other pass
    return entry.resource.name


def _check_names(names: Sequence[str], known: Iterable[str], recipe: Recipe) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            listed = ", ".join(f"`{other}`" for other in known) or "none"
            raise InputError(
                f"no environment `{name}` here", hint=f"did you mean `{near[0]}`?" if near else f"there are: {listed}"
            )
        if name in recipe.given:
            raise InputError(
                f"the lock of `{name}` is a file of its own, made elsewhere", hint="make that file anew, or leave `file` out"
            )


def _locked(entry: Entry) -> bool:
    """Whether the environment's lock says all there is to install."""
    want = entry.resource
    assert isinstance(want, Environment)  # noqa: S101 - as above
    return bool(want.lock) and not (isinstance(want, CondaEnvironment) and want.pip and not want.pip_lock)


def _unlocked(entry: Entry) -> Entry:
    want = entry.resource
    if isinstance(want, CondaEnvironment):
        return replace(entry, resource=replace(want, lock="", pip_lock=""))
    assert isinstance(want, UvEnvironment)  # noqa: S101 - as above
    return replace(entry, resource=replace(want, lock=""))


def _nothing(wanted: Sequence[str], given: Iterable[str]) -> str:
    if not wanted:
        return "there is no environment to lock here"
    if set(wanted) <= set(given):
        return "the locks of these environments are files of their own, made elsewhere"
    return "every environment has its lock: `--upgrade` looks for newer packages"
