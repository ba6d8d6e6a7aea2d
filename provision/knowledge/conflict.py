"""Why nothing fits: the fewest facts that exclude each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provision.knowledge.demands import Demand, demands, system_says
from provision.knowledge.nearest import nearest
from provision.knowledge.question import Question, ask
from provision.knowledge.solution import solve
from provision.knowledge.stack import Conflict


def conflict(question: Question) -> Conflict:
    """Return the facts that exclude each other, none of which could be left out, and the nearest wish that would work."""
    if question.unknown and not question.cards:
        because = tuple(f"GPU {pci} is not in the tables" for pci in question.unknown)
        return Conflict(because=because, nearest="`provision knowledge check` says whether newer tables are to be had")
    every = demands(question)
    core = _core(question, every)
    because = tuple(demand.says(question, core) for demand in core)
    if not core or _elsewhere(question, core, every):
        because = (*because, system_says(question, core))
    return Conflict(because=because, nearest=nearest(question))


def _core(question: Question, every: tuple[Demand, ...]) -> tuple[Demand, ...]:
    """Return a smallest set of demands that nothing meets: without any one of them something does."""
    kept = every
    for demand in every:
        fewer = tuple(other for other in kept if other is not demand)
        if solve(_only(fewer, every, question)) is None:
            kept = fewer
    return kept


def _only(kept: Sequence[Demand], every: Sequence[Demand], question: Question) -> Question:
    wish = question.wish
    for demand in every:
        if demand not in kept:
            wish = demand.without(wish)
    # Without its cards it is still asked for a driver and what runs on it, not for what a machine without a GPU gets.
    return replace(ask(wish, question.knowledge), driven=question.driven)


def _elsewhere(question: Question, core: tuple[Demand, ...], every: tuple[Demand, ...]) -> bool:
    """Whether another system would meet the demands: then what this one offers is one of the facts."""
    left = _only(core, every, question)
    systems = (row for row in question.knowledge.systems if row.id != question.system.id)
    return any(solve(replace(left, system=system, wish=replace(left.wish, system=system.id))) for system in systems)
