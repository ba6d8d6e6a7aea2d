"""What a person should know before they take a stack: support that ends, keys to enrol, code compiled late."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from provision.knowledge.drivers import candidates, installed_origin, past
from provision.knowledge.frameworks import alone, compiled_late, dropping, loose
from provision.knowledge.model import Architecture, Fact, number
from provision.knowledge.question import covers
from provision.knowledge.solution import Solution
from provision.knowledge.stack import AUTO
from provision.knowledge.toolkits import running
from provision.knowledge.words import card_name, generations, listed, origin_name

SOON = dt.timedelta(days=183)
"""Half a year: time enough to plan a change."""
UNCONFIRMED = "I"


def warnings(found: Solution) -> tuple[str, ...]:
    """Return the warnings, those about the driver first."""
    every = [
        *_cards(found),
        *_driver(found),
        *_secure_boot(found),
        *_system(found),
        *_toolkits(found),
        *_frameworks(found),
        *_unconfirmed(found),
    ]
    return tuple(dict.fromkeys(every))


def ending(what: str, end: str, today: dt.date) -> Iterator[str]:
    """Yield that support of `what` has ended, or ends soon."""
    if end and end < today.isoformat():
        yield f"support of {what} ended on {end}"
    elif end and dt.date.fromisoformat(end) - today < SOON:
        yield f"support of {what} ends on {end}"


def _cards(found: Solution) -> Iterator[str]:
    question = found.question
    for pci in question.unknown:
        yield f"GPU {pci} is not in the tables, so nothing was chosen for it; `provision knowledge check` says what is newer"
    for pci in question.foreign:
        yield f"{pci} is not made by NVIDIA, so it was left out"
    for kind in question.architectures:
        if kind.last_branch:
            branch = question.branch_row(kind.last_branch)
            ended = past(branch, question)
            losing = "has lost" if ended else "is losing"
            last = f"{kind.last_branch}, the last branch that drives it, {'ended' if ended else 'ends'} on {branch.end_of_life}"
            toolkit = _last_toolkit(found, kind)
            compiler = f"; CUDA {toolkit} was the last that compiles for it" if toolkit else ""
            yield f"{kind.name} {losing} support: {last}{compiler}"


def _last_toolkit(found: Solution, kind: Architecture) -> str:
    """Return the newest toolkit that compiles for the cards of an architecture, empty where none has dropped them."""
    question = found.question
    cards = [card.capability for card in question.kinds if card.architecture == kind]
    lines = sorted(question.knowledge.toolkits, key=lambda row: number(row.version))
    fitting = [row for row in lines if all(covers(row.capabilities, capability) for capability in cards)]
    return fitting[-1].version if fitting and fitting[-1] is not lines[-1] else ""


def _driver(found: Solution) -> Iterator[str]:
    driver, question = found.driver, found.question
    if driver is None:
        if question.branch:
            yield f"driver {question.branch} was asked for, but there is no NVIDIA GPU"
        return
    if all(kind.last_branch != driver.branch.number for kind in question.architectures):
        moves = _elsewhere(found) if past(driver.branch, question) else ""
        for caution in ending(f"driver branch {driver.branch.number}", driver.branch.end_of_life, question.wish.today):
            yield caution + moves


def _elsewhere(found: Solution) -> str:
    """Return how to move to a driver that is still supported, where the origin of what is installed has none."""
    driver, question = found.driver, found.question
    if driver is None or question.wish.origin != AUTO or not installed_origin(driver, question):
        return ""
    others = [other for other in candidates(question) if not past(other.branch, question)]
    if not others:
        return ""
    origin, branch = others[0].offer.origin, others[0].branch.number
    return (
        f', and {origin_name(driver.offer.origin)} has none here that is still supported: `[nvidia] origin = "{origin}"` moves '
        f"to {origin_name(origin)}'s {branch}, once the packages that `provision plan` then names are purged"
    )


def _secure_boot(found: Solution) -> Iterator[str]:
    driver, on = found.driver, found.question.wish.secure_boot
    if driver is None or driver.row.signed or on is False:
        return
    built = f"{origin_name(driver.offer.origin)}'s modules are built here by DKMS"
    steps = "they load only once its key (MOK) is enrolled, by hand, on the blue screen at the next boot"
    yield f"Secure Boot is on, and {built}: {steps}" if on else f"{built}: if Secure Boot is on, which is not known, {steps}"


def _system(found: Solution) -> Iterator[str]:
    system, wish = found.question.system, found.question.wish
    for caution in ending(system.name, system.support_ends, wish.today):
        yield caution + (f" (extended support until {system.extended_ends})" if system.extended_ends else "")
    if wish.architecture not in system.architectures:
        yield f"packages were looked up for {listed(system.architectures)} only; for {wish.architecture} they may differ"


def _toolkits(found: Solution) -> Iterator[str]:
    wish, driver = found.question.wish, found.driver
    for kit in found.kits:
        if driver is not None and not kit.full:
            needs = f"driver {kit.toolkit.driver}" if kit.toolkit.driver else "a driver that is not known yet"
            yield f"CUDA {kit.toolkit.version} needs {needs} for all its features; with {driver.version} it runs without some"
    if AUTO in wish.toolkits and driver is not None and not found.kits:
        kinds = generations(found.question.cards)
        reduced = running(found.question, driver)
        hint = f"; if asked for by number, CUDA {reduced} runs without some of its features" if reduced else ""
        yield f"no CUDA toolkit for {kinds} here that driver {driver.branch.number} supports in full{hint}"


def _frameworks(found: Solution) -> Iterator[str]:
    question, builds = found.question, found.environment.builds
    for build in builds:
        late = compiled_late(build, question)
        if late:
            cards = listed(map(card_name, late))
            yield (
                f"{build.framework} {build.version} holds no machine code for {cards}: the driver compiles it at the first "
                "start, which takes minutes"
            )
    for build in builds:
        row = dropping(build, question)
        if row and row == loose(builds, question):
            old = generations(card for card in question.kinds if number(card.capability) < number(row.capability))
            yield f"{build.framework} takes the newest cuDNN, and {row.last_before} is the last for {old}: keep the constraint"
    yield from _newer_alone(found)
    for python in question.knowledge.pythons:
        if python.version == found.environment.python:
            yield from ending(f"Python {python.version}", python.support_ends, question.wish.today)


def _newer_alone(found: Solution) -> Iterator[str]:
    if len(found.question.frameworks) < 2:  # noqa: PLR2004 - two share an environment
        return
    for framework in found.question.frameworks:
        taken = found.environment.build(framework.name)
        single = alone(framework, found.question, found.driver)
        if taken and single and number(single.version) > number(taken.version):
            what = f"{single.framework} {single.version}" + (f" ({single.build})" if single.build else "")
            yield f"in an environment of its own, {what} would fit instead of {taken.version}"


def _unconfirmed(found: Solution) -> Iterator[str]:
    """Yield the choices that rest on a row which no source confirms."""
    for what, row in _rows(found):
        if row.mark == UNCONFIRMED:
            yield f"not confirmed by a source: {what}" + (f" ({row.note})" if row.note else "")


def _rows(found: Solution) -> Iterator[tuple[str, Fact]]:
    """Yield the rows that decided, and what each says."""
    question, driver = found.question, found.driver
    if driver is not None:
        branch = driver.branch.number
        yield f"driver branch {branch}", driver.branch
        yield f"which driver {branch} {origin_name(driver.offer.origin)} has", driver.offer
        yield f"the packages of driver {branch}", driver.row
        yield from ((f"which drivers {kind.name} needs", kind) for kind in question.architectures)
        yield from ((f"{card_name(card)} has compute capability {card.capability}", card.chip) for card in question.kinds)
    for kit in found.kits:
        yield f"CUDA {kit.toolkit.version}", kit.toolkit
        yield f"the packages of CUDA {kit.toolkit.version}", kit.offer
        if kit.gcc:
            yield f"the compilers of {question.system.name}", question.system
    yield from ((f"{build.framework} {build.version} {build.build}".rstrip(), build) for build in found.environment.builds)
