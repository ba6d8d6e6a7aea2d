"""Whether any answer exists to a wish, by trying everything that the tables have: slow, plain, and no kin of the resolver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from provision.knowledge.model import Build, Knowledge
from provision.knowledge.stack import AUTO, Wish
from tests.unit.knowledge.cudnn import one_cudnn
from tests.unit.knowledge.options import CPU, Question, asked, major, matches, parts, plain, within


def exists_solution(wish: Wish, tables: Knowledge | None = None) -> bool:
    """Tell whether some driver, toolkits, Python and framework builds answer a wish."""
    question = Question(wish, tables) if tables else Question(wish)
    if question.unknown and not question.cards:
        return False
    numbered = [version for version in wish.toolkits if version != AUTO]
    for driver in _drivers(question):
        together = all(_toolkit(question, version, driver) for version in numbered)
        if together and any(_environment(question, driver, python) for python in _pythons(question)):
            return True
    return False


def to_keep(wish: Wish, tables: Knowledge | None = None) -> tuple[int, str, str] | None:
    """Return the branch, flavour and origin (empty: any) that must not be torn down: they answer the wish, and are supported."""
    question = Question(wish, tables) if tables else Question(wish)
    there = wish.installed
    if there is None or not question.cards:
        return None
    ended = {row.number for row in question.tables.branches if row.end_of_life and row.end_of_life < wish.today.isoformat()}
    here = [
        (offer, flavour)
        for offer, flavour in question.offers()
        if (offer.branch, there.origin or offer.origin, there.flavour or flavour) == (there.branch, offer.origin, flavour)
    ]
    origins, flavours = {offer.origin for offer, _flavour in here}, {flavour for _offer, flavour in here}
    asked = [
        replace(wish, branch=str(there.branch), origin=origin, flavour=flavour) for origin in origins for flavour in flavours
    ]
    if there.branch in ended or not any(exists_solution(each, tables) for each in asked):
        return None
    return (there.branch, there.flavour, there.origin)


def origin_to_keep(wish: Wish, tables: Knowledge | None = None) -> str:
    """Return the origin that must not be left: what is installed is from there, and some driver of its answers the wish."""
    there = wish.installed
    known = {row.origin for row in (Question(wish, tables) if tables else Question(wish)).tables.drivers}
    if there is None or there.origin not in known or wish.origin not in {AUTO, there.origin}:
        return ""
    return there.origin if exists_solution(replace(wish, origin=there.origin), tables) else ""


def _drivers(question: Question) -> Iterator[str]:
    """Yield each driver version that could be installed; without a card there is none, and nothing asks for one."""
    if not question.cards:
        yield ""
        return
    yield from sorted({offer.version for offer, _flavour in question.offers()}, key=parts, reverse=True)


def _toolkit(question: Question, version: str, driver: str) -> bool:
    return any(not driver or parts(driver) >= question.floor(toolkit.major) for toolkit, _offer in question.toolkits(version))


def _pythons(question: Question) -> list[str]:
    wish = question.wish
    if not wish.frameworks:
        return [wish.python]
    every = {python for row in question.builds for python in row.pythons}
    return sorted(every if wish.python == AUTO else every & {wish.python})


def _environment(question: Question, driver: str, python: str) -> bool:
    return _extends(question, driver, python, list(asked(question.wish).items()), {})


def _extends(question: Question, driver: str, python: str, open_: list[tuple[str, str]], chosen: dict[str, Build]) -> bool:
    """Tell whether builds of all that is still open can be added to those chosen."""
    if not open_:
        return True
    (name, version), *rest = open_
    if name in chosen:
        return _extends(question, driver, python, rest, chosen)
    for row in question.builds:
        if row.framework != name or python not in row.pythons or (version and not matches(version, row.version)):
            continue
        together = {**chosen, name: row}
        if _runs(question, driver, row) and _agree(question, together):
            more = [(other, "") for other, _least, _below in row.wants if other not in together]
            if _extends(question, driver, python, [*rest, *more], together):
                return True
    return False


def _runs(question: Question, driver: str, row: Build) -> bool:
    if plain(row):
        return True
    if not question.cards:
        return row.build == CPU
    return (
        row.build != CPU
        and parts(driver) >= question.floor(major(row))
        and all(question.takes(row, card, driver) for card in question.cards)
    )


def _agree(question: Question, rows: dict[str, Build]) -> bool:
    ranges = all(
        within(rows[name].version, least, below) for row in rows.values() for name, least, below in row.wants if name in rows
    )
    return ranges and len({major(row) for row in rows.values() if major(row)}) < 2 and one_cudnn(question, rows.values())
