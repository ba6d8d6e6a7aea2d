"""How cards, branches and origins are called in sentences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provision.knowledge.model import Gpu

ORIGINS = {"ubuntu": "Ubuntu", "nvidia": "NVIDIA", "debian": "Debian"}


def origin_name(origin: str) -> str:
    """Return an origin's name as its owner writes it."""
    return ORIGINS.get(origin, origin)


def card_name(gpu: Gpu) -> str:
    """Return a card's name without the vendor's family words, its id where it has none."""
    return gpu.name.removeprefix("NVIDIA ").removeprefix("GeForce ") or gpu.pci


def card_and_kind(gpu: Gpu) -> str:
    """Return `GTX 1080 Ti (Pascal, 6.1)`."""
    return f"{card_name(gpu)} ({gpu.architecture.name}, {gpu.capability})"


def generations(cards: Iterable[Gpu]) -> str:
    """Return the architectures of `cards`, each once: `Turing and Ada`."""
    return listed(dict.fromkeys(card.architecture.name for card in cards))


def module_kinds(cards: Iterable[Gpu]) -> str:
    """Return `cards` as far as kernel modules are concerned: by architecture, by name where one differs from its kind."""
    usual = ((card, card.flavours == card.architecture.flavours) for card in cards)
    return listed(dict.fromkeys(card.architecture.name if same else f"the {card_name(card)}" for card, same in usual))


def listed(words: Iterable[str], last: str = "and") -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    *front, end = [*words] or [""]
    return f"{', '.join(front)} {last} {end}" if front else end


def capability_range(capabilities: Iterable[str]) -> str:
    """Return `7.5 to 12.0`."""
    from provision.knowledge.model import number  # noqa: PLC0415 - roles import these words on every run, also without a GPU

    ordered = sorted(capabilities, key=number)
    if not ordered:
        return "none"
    return ordered[0] if ordered[0] == ordered[-1] else f"{ordered[0]} to {ordered[-1]}"
