"""The nearest wish that works: one thing given up, or two, what matters least first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from provision.knowledge.command import command
from provision.knowledge.model import Gpu, System, number
from provision.knowledge.question import Framework, Question, ask
from provision.knowledge.solution import Solution, solve
from provision.knowledge.stack import AUTO, Wish
from provision.knowledge.words import card_name, listed


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something to give up: `loosen` leaves it open, `settle` puts in what was found instead, in words too."""

    loosen: Callable[[Wish], Wish]
    settle: Callable[[Wish, Solution], tuple[Wish, str]]


def nearest(question: Question) -> str:
    """Return the nearest wish that works, as a sentence with its command; empty when there is none."""
    changes, last = list(_changes(question)), []
    cards = [_without_card(card.pci, card_name(card)) for card in sorted(question.kinds, key=_age)]
    if len(cards) > 1:
        changes += cards
    else:
        last = cards  # to compute without a GPU is what nobody asked for
    for several in (*((change,) for change in changes), *combinations(changes, 2), *((change,) for change in last)):
        wish = question.wish
        for change in several:
            wish = change.loosen(wish)
        other = ask(wish, question.knowledge)
        blind = other.unknown and not other.cards
        found = None if blind or wish == question.wish else solve(other)
        if found is not None:
            said = []
            for change in several:
                wish, words = change.settle(wish, found)
                said.append(words)
            return f"{listed(said).replace(' and with ', ' and ')} it works: `{command(wish)}`"
    return _bare(question)


def _bare(question: Question) -> str:
    """Return the cards with nothing else asked of them, where more than two things are in the way; at last, no card."""
    asked = question.wish
    ids = tuple(card.pci for card in question.cards)
    plain = Wish(system=asked.system, gpus=(), today=asked.today, secure_boot=asked.secure_boot, architecture=asked.architecture)
    plain = replace(plain, desktop=asked.desktop)
    for gpus in (ids, *((card.pci,) for card in sorted(question.kinds, key=_age, reverse=True)), ()):
        whose = "" if gpus == ids else f"for the {_name(question, gpus[0])} alone, " if gpus else "without a GPU, "
        for row in (question.system, *_other_systems(question)):
            wish = replace(plain, gpus=gpus, system=row.id)
            if solve(ask(wish, question.knowledge)) is not None:
                where = "" if row.id == asked.system else f"on {row.name} "
                return f"{whose}with nothing else asked for, it works {where}".rstrip() + f": `{command(wish)}`"
    return ""


def _name(question: Question, pci: str) -> str:
    return next(card_name(card) for card in question.cards if card.pci == pci)


def _other_systems(question: Question) -> list[System]:
    """Return the other systems, those of the same family first, the one supported longest first."""
    family = question.system.id.partition("-")[0]
    rows = sorted(question.knowledge.systems, key=lambda row: (row.id.startswith(family), row.support_ends), reverse=True)
    return [row for row in rows if row.id != question.system.id]


def _age(card: Gpu) -> tuple[int, ...]:
    return number(card.capability)


def _changes(question: Question) -> Iterator[Change]:
    wish = question.wish
    yield from (_other_toolkit(version) for version in wish.toolkits if version != AUTO)
    yield from (_other_release(framework) for framework in question.frameworks if framework.version)
    if wish.python != AUTO:
        yield _left_open("python", lambda found: found.environment.python, "Python")
    if wish.branch != AUTO:
        yield _left_open("branch", lambda found: str(found.driver.branch.number) if found.driver else AUTO, "driver")
    if wish.origin != AUTO:
        yield _left_open("origin", lambda found: found.driver.offer.origin if found.driver else AUTO, "origin")
    if wish.flavour != AUTO:
        yield _left_open("flavour", lambda found: found.driver.flavour if found.driver else AUTO, "flavour")
    yield from (_without_framework(framework) for framework in question.frameworks)
    yield from (_on(row.id, row.name) for row in _other_systems(question))


def _left_open(field: str, value: Callable[[Solution], str], words: str) -> Change:
    def settle(wish: Wish, found: Solution) -> tuple[Wish, str]:
        return _with(wish, field, value(found)), f"with {words} {value(found)}"

    return Change(loosen=lambda wish: _with(wish, field, AUTO), settle=settle)


def _with(wish: Wish, field: str, value: str) -> Wish:
    return replace(wish, **{field: value})  # type: ignore[arg-type]  # one of the fields that hold a word


def _other_toolkit(version: str) -> Change:
    def loosen(wish: Wish) -> Wish:
        return replace(wish, toolkits=tuple(AUTO if other == version else other for other in wish.toolkits))

    def settle(wish: Wish, found: Solution) -> tuple[Wish, str]:
        others = [kit.toolkit.version for kit in found.kits if kit.toolkit.version not in wish.toolkits]
        kept = tuple(others[0] if other == AUTO and others else other for other in wish.toolkits)
        if not others:
            return replace(wish, toolkits=tuple(other for other in kept if other != AUTO)), f"without CUDA {version}"
        return replace(wish, toolkits=kept), f"with CUDA {others[0]}"

    return Change(loosen=loosen, settle=settle)


def _named(wish: Wish, name: str, instead: tuple[str, ...]) -> Wish:
    """Return `wish` with `instead` where framework `name` was asked for."""
    texts = [(text,) if text.partition("==")[0] != name else instead for text in dict.fromkeys(wish.frameworks)]
    return replace(wish, frameworks=tuple(text for part in texts for text in part))


def _other_release(framework: Framework) -> Change:
    def settle(loose: Wish, found: Solution) -> tuple[Wish, str]:
        build = found.environment.build(framework.name)
        version = build.version if build else ""
        return _named(loose, framework.name, (f"{framework.name}=={version}",)), f"with {framework.name} {version}"

    return Change(loosen=lambda other: _named(other, framework.name, (framework.name,)), settle=settle)


def _without_framework(framework: Framework) -> Change:
    return Change(
        loosen=lambda wish: _named(wish, framework.name, ()),
        settle=lambda wish, _found: (wish, f"without {framework.name}"),
    )


def _on(system: str, name: str) -> Change:
    return Change(loosen=lambda wish: replace(wish, system=system), settle=lambda wish, _found: (wish, f"on {name}"))


def _without_card(pci: str, name: str) -> Change:
    return Change(
        loosen=lambda wish: replace(wish, gpus=tuple(other for other in wish.gpus if other.lower() != pci)),
        settle=lambda wish, _found: (wish, f"without the {name}"),
    )
