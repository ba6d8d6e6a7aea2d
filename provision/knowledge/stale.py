"""Rows of the tables that this machine's package indexes contradict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from provision.errors import UnreadableError
from provision.knowledge.apt_index import AptIndex
from provision.knowledge.apt_rows import compilers, drivers, toolkits
from provision.knowledge.model import Knowledge, number
from provision.knowledge.stale_row import Stale
from provision.knowledge.words import listed, origin_name

_SECTIONS = {"debian": {"contrib", "non-free"}, "ubuntu": {"restricted", "multiverse"}, "nvidia": {""}}
"""Where an origin has its drivers and toolkits; a repository without components has the empty one."""
_MAIN = "main"


@dataclass(frozen=True, kw_only=True)
class Unasked:
    """What could not be compared, and why."""

    what: str
    because: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What came of asking: `asked` names the indexes."""

    asked: tuple[str, ...] = ()
    stale: tuple[Stale, ...] = ()
    unasked: tuple[Unasked, ...] = ()


class Newest(Protocol):
    """Where the newest release of a project can be asked for."""

    @property
    def places(self) -> tuple[str, ...]:
        """The indexes, without credentials."""

    def newest(self, project: str) -> str:
        """Return the newest final release, empty where nobody has one; raises `UnreadableError`."""


def compare(tables: Knowledge, system: str, apt: Callable[[str], AptIndex], pip: Callable[[], Newest]) -> Comparison:
    """Compare the tables with apt's indexes for `system` (`apt` makes one for a codename), and with pip's."""
    one, two = _apt(tables, system, apt), _pip(tables, pip())
    return Comparison(asked=one.asked + two.asked, stale=one.stale + two.stale, unasked=one.unasked + two.unasked)


def _apt(tables: Knowledge, id_: str, make: Callable[[str], AptIndex]) -> Comparison:
    """Compare what the tables say of one system: its compilers, and what each origin has for it."""
    what = "drivers, toolkits and compilers"
    system = next((row for row in tables.systems if row.id == id_), None)
    if system is None:
        known = listed(row.id for row in tables.systems)
        return Comparison(unasked=(Unasked(what=what, because=f"this machine is `{id_}`; the tables know {known}"),))
    try:
        index = make(system.codename)
        stale: list[Stale] = []
        unasked: list[Unasked] = []
        if _MAIN in index.components(id_.partition("-")[0]):
            stale += compilers(system, index)
        else:
            unasked.append(Unasked(what="compilers and Python", because="apt has no index of the distribution"))
        for origin in system.origins:
            because = _missing(origin, index)
            if because:
                unasked.append(Unasked(what=f"drivers and toolkits from {origin_name(origin)}", because=because))
            else:
                stale += [*drivers(tables, system, origin, index), *toolkits(tables, system, origin, index)]
    except OSError as error:
        return Comparison(unasked=(Unasked(what=what, because=f"`apt-cache` does not answer: {error.strerror or error}"),))
    return Comparison(asked=(f"apt's sources, for {id_}",), stale=tuple(stale), unasked=tuple(unasked))


def _missing(origin: str, index: AptIndex) -> str:
    """Return why `origin` cannot be asked, empty when it can."""
    missing = _SECTIONS[origin] - index.components(origin)
    if not missing:
        return ""
    named = listed(sorted(missing)) if missing != {""} else "its repository"
    return f"{named} {'are' if len(missing) > 1 else 'is'} not among apt's sources"


def _pip(tables: Knowledge, index: Newest) -> Comparison:
    """Compare the newest releases of the frameworks and of cuDNN."""
    if not index.places:
        return Comparison(unasked=(Unasked(what="frameworks and cuDNN", because="there is no pip, and no index is configured"),))
    stale: list[Stale] = []
    unasked: list[Unasked] = []
    asked = list(_releases(tables))
    for at, (project, table, ours) in enumerate(asked):
        try:
            theirs = index.newest(project)
        except UnreadableError as error:
            unasked.append(Unasked(what=listed(name for name, _, _ in asked[at:]), because=error.message))
            break
        if not theirs:
            unasked.append(Unasked(what=project, because="the index does not have it"))
        elif number(theirs)[: len(number(ours))] > number(ours):
            stale.append(Stale(table=table, row=project, tables_say=ours, index_says=theirs))
    reached = index.places if len(unasked) < len(asked) else ()
    return Comparison(asked=reached, stale=tuple(stale), unasked=tuple(unasked))


def _releases(tables: Knowledge) -> Iterator[tuple[str, str, str]]:
    """Yield projects, the tables they are in, and the newest release there."""
    for name in dict.fromkeys(row.framework for row in tables.builds):
        yield name, f"{name}.toml", max((row.version for row in tables.builds if row.framework == name), key=number)
    for row in tables.cudnn:
        yield f"nvidia-cudnn-cu{row.major}", "cudnn.toml", row.newest
