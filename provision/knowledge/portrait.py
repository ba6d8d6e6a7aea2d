"""All that the tables say about one card."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from provision.knowledge.drivers import Driver, candidates, past
from provision.knowledge.frameworks import by_ptx, dropping, native
from provision.knowledge.model import Build, Fact, Gpu, Knowledge, Source, System, Toolkit, number
from provision.knowledge.question import Question, ask, covers
from provision.knowledge.stack import Wish


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """A driver branch that one origin has for a system and that works with the card; the flavours, the better first.

    `ended` is the branch's end of life where that is past.
    """

    system: System
    branch: int
    ended: str
    version: str
    origin: str
    flavours: tuple[str, ...]
    signed: bool
    fact: Fact


@dataclass(frozen=True, kw_only=True)
class Program:
    """A build with code for the card: `late` when the driver compiles it at the first start; `constraint` is for pip."""

    build: Build
    late: bool
    constraint: str


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """A card, the drivers that fit each system (what would be taken comes first), toolkits and the newest builds for it."""

    card: Gpu
    drivers: tuple[Fitting, ...]
    toolkits: tuple[Toolkit, ...]
    programs: tuple[Program, ...]
    sources: tuple[Source, ...]


def portrait(card: Gpu, tables: Knowledge, today: dt.date) -> Portrait:
    """Return what is known of `card`; `today` decides which branches are past their end of life."""
    wishes = [Wish(system=system.id, gpus=(card.pci,), today=today, toolkits=()) for system in tables.systems]
    questions = [ask(wish, tables) for wish in wishes]
    drivers = tuple(row for question in questions for row in _drivers(question))
    toolkits = tuple(row for row in tables.toolkits if covers(row.capabilities, card.capability))
    names = dict.fromkeys(row.framework for row in tables.builds)
    programs = tuple(row for name in names for row in _newest(card, name, questions[0]))
    gpus = next(row for row in tables.sources if row.source == "PCI")
    shown: list[Fact] = [gpus, card.chip, card.architecture, *(row.fact for row in drivers), *toolkits[-1:]]
    used = dict.fromkeys(fact.source for fact in (*shown, *(row.build for row in programs)))
    known = {row.source: row for row in tables.sources}
    sources = tuple(known[source] for source in used)
    return Portrait(card=card, drivers=drivers, toolkits=toolkits, programs=programs, sources=sources)


def _drivers(question: Question) -> Iterator[Fitting]:
    """Yield the drivers for one system, those first that would be taken; flavours of one branch together."""
    found: dict[tuple[str, int], list[Driver]] = {}
    for driver in candidates(question):
        if not driver.asked:
            found.setdefault((driver.offer.origin, driver.branch.number), []).append(driver)
    for (origin, branch), drivers in found.items():
        yield Fitting(
            system=question.system,
            branch=branch,
            ended=drivers[0].branch.end_of_life if past(drivers[0].branch, question) else "",
            version=drivers[0].version,
            origin=origin,
            flavours=tuple(driver.flavour for driver in drivers),
            signed=drivers[0].row.signed,
            fact=drivers[0].offer,
        )


def _newest(card: Gpu, framework: str, question: Question) -> Iterator[Program]:
    """Yield the builds of the newest release of `framework` that has code for `card`."""
    rows = [row for row in question.knowledge.builds if row.framework == framework and row.cuda and card.capability]
    fitting = [row for row in rows if native(row, card) or by_ptx(row, card)]
    newest = max((row.version for row in fitting), key=number, default="")
    for row in fitting:
        if row.version == newest:
            cudnn = dropping(row, question)
            constraint = f"nvidia-cudnn-cu{cudnn.major}=={cudnn.last_before}" if cudnn else ""
            yield Program(build=row, late=not native(row, card), constraint=constraint)
