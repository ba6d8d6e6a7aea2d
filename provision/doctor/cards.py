"""Questions about the cards: on the bus, in the tables, and driven by a module and a branch that can."""

from __future__ import annotations

import datetime as dt

from provision.doctor import mending
from provision.doctor.case import APPLY, Card, Case
from provision.doctor.finding import SILENT, Answer, Finding, Severity, found, sound
from provision.knowledge import tables
from provision.knowledge.model import OPEN, Branch, Gpu, number

_SOON = 90
"""Days before a branch's end of life when it is worth a note."""


def on_the_bus(case: Case) -> Answer:
    """Ask whether there is a GPU on the bus."""
    if case.cards:
        return sound(", ".join(f"{card.there.slot} {card.name}" for card in case.cards))
    hosted = case.container or case.facts.virtualization not in {"", "none"}
    others = f"display controllers: {', '.join(_others(case)) or 'none'}"
    fallen = case.log("fallen off the bus", ": 79,")
    if hosted:
        cause = "a container or a virtual machine sees a GPU only when its host hands one over"
    elif fallen:
        cause = "it fell off the bus: power, heat, seat or riser"
    else:
        cause = "the card has no power, is not seated, or is switched off in the firmware's setup"
        cause = f"a driver is installed, and {cause}" if case.installed else f"none is built in, or {cause}"
    look = hosted or not case.installed
    return found(
        Finding(
            title="no NVIDIA GPU is on the PCI bus",
            cause=cause,
            evidence=(*fallen, others),
            advice="" if look else "seat the card and its power connectors anew, and look for its slot in the firmware's setup",
            mend="lspci -nn -d 10de:" if look else "sudo poweroff",
            severity=Severity.BROKEN if case.installed else Severity.NOTE,
        )
    )


def _others(case: Case) -> tuple[str, ...]:
    return tuple(f"{gpu.slot} {gpu.name or gpu.pci}" for gpu in case.facts.gpus if not gpu.nvidia)


def in_the_tables(case: Case) -> Answer:
    """Ask whether the tables know every card."""
    strange = tuple(card for card in case.cards if card.known is None)
    if not strange:
        return sound(", ".join(f"{gpu.architecture.name} {gpu.capability}" for gpu in case.known_cards))
    return found(
        Finding(
            title=f"{', '.join(card.there.pci for card in strange)} is not in the tables",
            cause="this provision does not know the card, so it chooses nothing for it",
            evidence=tuple(f"{card.there.slot} {card.there.pci} {card.there.name}".rstrip() for card in strange),
            mend="provision knowledge check",
            severity=Severity.RISK if case.known_cards or case.installed else Severity.BROKEN,
        )
    )


def right_flavour(case: Case) -> Answer:
    """Ask whether the kernel module is of the flavour that the cards work with."""
    cards = case.known_cards
    if not cards:
        return SILENT
    wants = tuple(f"{gpu.name} ({gpu.architecture.name}) works with {' or '.join(gpu.flavours)}" for gpu in cards)
    if not frozenset.intersection(*(frozenset(gpu.flavours) for gpu in cards)):
        return found(
            Finding(
                title="no kernel module drives all cards of this machine",
                cause="one card works with the open module alone, another with the proprietary one alone",
                evidence=wants,
                mend="provision explain",
            )
        )
    wrong = tuple(gpu for gpu in cards if case.flavour and case.flavour not in gpu.flavours)
    if not wrong:
        return sound(case.flavour) if case.flavour else SILENT
    because = "has no GSP, which the open module needs" if case.flavour == OPEN else "is driven by the open module alone"
    return found(
        Finding(
            title=f"the {case.flavour} kernel module cannot drive the {wrong[0].name}",
            cause=f"{wrong[0].architecture.name} {because}",
            evidence=(*wants, *case.log("GSP", "open kernel modules")),
            mend=APPLY,
        )
    )


def branch_supports(case: Case) -> Answer:
    """Ask whether the installed branch supports every card."""
    if not case.version:
        return SILENT
    problems = [problem for gpu in case.known_cards if (problem := _unsupported(gpu, case))]
    if not problems:
        return sound(f"{case.version} supports {', '.join(dict.fromkeys(gpu.name for gpu in case.known_cards)) or 'it'}")
    return found(
        Finding(
            title=f"driver {case.version} does not support the {problems[0][0].name}",
            cause=problems[0][1],
            evidence=(*(f"{gpu.pci} {gpu.name}: {why}" for gpu, why in problems), *case.log("Legacy drivers")),
            mend=APPLY if _some_branch(case.known_cards) else "provision explain",
        )
    )


def _unsupported(gpu: Gpu, case: Case) -> tuple[Gpu, str] | None:
    architecture = gpu.architecture
    if architecture.last_branch and case.branch > architecture.last_branch:
        return gpu, f"{architecture.last_branch} is the last branch for {architecture.name}"
    if case.branch < architecture.first_branch:
        return gpu, f"{architecture.name} needs branch {architecture.first_branch} or newer"
    if gpu.first_driver and number(case.version) < number(gpu.first_driver):
        return gpu, f"the card is newer: {gpu.first_driver} is the first release that lists it"
    return None


def _some_branch(cards: tuple[Gpu, ...]) -> bool:
    """Return whether a branch can drive all `cards` at once."""
    lasts = [gpu.architecture.last_branch for gpu in cards if gpu.architecture.last_branch]
    firsts = [gpu.architecture.first_branch for gpu in cards]
    return not lasts or max(firsts) <= min(lasts)


def branch_is_supported(case: Case) -> Answer:
    """Ask whether NVIDIA still supports the branch."""
    branch = _row(case.branch)
    if branch is None or not branch.end_of_life:
        return SILENT
    left = (_date(branch.end_of_life) - case.today).days
    if left > _SOON:
        return sound(f"{branch.number} until {branch.end_of_life}")
    last = tuple(gpu for gpu in case.known_cards if gpu.architecture.last_branch == branch.number)
    ended = left < 0
    cause = "no security fixes come any more" if ended else "security fixes end then"
    if last:
        cause += f", and no later branch drives {last[0].architecture.name} cards"
    return found(
        Finding(
            title=f"driver branch {branch.number} {'is past its end of life' if ended else 'nears its end of life'}",
            cause=cause,
            evidence=(f"installed {case.version}, supported until {branch.end_of_life}",),
            mend="provision explain" if last else mending.apply(case, moving=True),
            severity=Severity.RISK if ended and not last else Severity.NOTE,
        )
    )


def _row(branch: int) -> Branch | None:
    return next((row for row in tables.knowledge().branches if row.number == branch), None)


def unbound(case: Case) -> tuple[Card, ...]:
    """Return the cards that no driver is bound to."""
    return tuple(card for card in case.cards if not card.there.driver)


def _date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)
