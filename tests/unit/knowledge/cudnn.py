"""Which cuDNN suits several framework builds and the cards, by the tables alone."""

from __future__ import annotations

import re
from collections.abc import Iterable

from provision.knowledge.model import Build, Cudnn
from tests.unit.knowledge.options import Question, major, parts

TESTS = {
    "==": lambda a, b: a == b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
}


def clauses(row: Build) -> list[tuple[str, str]]:
    """Return what a build asks of cuDNN, as (comparison, version)."""
    found = [re.fullmatch(r"(==|>=|<|)([0-9.]+)", clause) for clause in row.cudnn.split(",") if clause]
    assert all(found), f"{row.framework} {row.version}: cudnn {row.cudnn!r} is neither a version nor a range"
    return [(each[1] or "==", each[2]) for each in found if each]


def pinned(row: Build) -> bool:
    """Tell whether a build takes one cuDNN only."""
    return any(comparison == "==" for comparison, _version in clauses(row))


def suits(row: Build, version: str) -> bool:
    """Tell whether a build takes a cuDNN."""
    return all(TESTS[comparison](parts(version), parts(bound)) for comparison, bound in clauses(row))


def lines(question: Question, rows: Iterable[Build]) -> list[tuple[Cudnn, list[Build], bool]]:
    """Return each line of cuDNN that builds take from, with those builds, and whether a card needs one of old."""
    return [
        (line, taking, any(parts(card.capability) < parts(line.capability) for card in question.cards) and bool(line.last_before))
        for line in question.tables.cudnn
        if (taking := [row for row in rows if row.cudnn and major(row) == line.major])
    ]


def one_cudnn(question: Question, rows: Iterable[Build]) -> bool:
    """Tell whether, in each line, one cuDNN suits all builds and drives all cards."""
    for line, taking, old in lines(question, list(rows)):
        versions = {line.newest, line.last_before, *(bound for row in taking for _comparison, bound in clauses(row))} - {""}
        if old:
            versions = {version for version in versions if parts(version) <= parts(line.last_before)}
        if not any(all(suits(row, version) for row in taking) for version in versions):
            return False
    return True


def constraints(question: Question, rows: Iterable[Build]) -> set[str]:
    """Return what pip may be told of cuDNN: nothing where a build pins it or the newest is right, else the last for old cards."""
    for line, taking, old in lines(question, list(rows)):
        if old and not any(pinned(row) for row in taking):
            return {f"nvidia-cudnn-cu{line.major}=={line.last_before}"}
        if old:
            pins = {version for row in taking for comparison, version in clauses(row) if comparison == "=="}
            return {"", *(f"nvidia-cudnn-cu{line.major}=={version}" for version in pins)}
    return {""}
