"""What a new lock changes for an environment, package by package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from provision.agent import conda_lock, pylock
from provision.profile.lock import Lock

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
_BUILT = " "
"""Between a version and its build, where only the build differs."""


@dataclass(frozen=True, kw_only=True)
class PackageChange:
    """A package of `manager` (`conda` or `pip`): its version before and after, empty where it is not there."""

    name: str
    manager: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class LockChange:
    """An environment's new lock: `packages` are in it; `first`: there was none before."""

    environment: str
    packages: int
    first: bool
    changes: tuple[PackageChange, ...]


def compare(environment: str, before: Lock, after: Lock) -> LockChange:
    """Return what is different in `after`, packages by name; of a build alone, version and build are told."""
    pip, conda = _pip(after.pip), _conda(after.conda)
    changes = (*_changes("conda", _conda(before.conda), conda), *_changes("pip", _pip(before.pip), pip))
    return LockChange(
        environment=environment,
        packages=len(pip) + len(conda),
        first=before == Lock(),
        changes=tuple(sorted(changes, key=lambda change: (change.name, change.manager))),
    )


def _pip(text: str) -> dict[str, tuple[str, str]]:
    found: dict[str, set[str]] = {}
    for name, version in _PIN.findall(text):
        found.setdefault(pylock.name(name), set()).add(version)
    return {name: (" or ".join(sorted(versions)), "") for name, versions in found.items()}


def _conda(text: str) -> dict[str, tuple[str, str]]:
    return {record.name: (record.version, record.build) for record in conda_lock.records(text)}


def _changes(
    manager: str, before: Mapping[str, tuple[str, str]], after: Mapping[str, tuple[str, str]]
) -> tuple[PackageChange, ...]:
    found = []
    for name in {*before, *after}:
        old, new = before.get(name, ("", "")), after.get(name, ("", ""))
        if old != new:
            told = [_BUILT.join(each) if old[0] == new[0] else each[0] for each in (old, new)]
            found.append(PackageChange(name=name, manager=manager, before=told[0], after=told[1]))
    return tuple(found)
