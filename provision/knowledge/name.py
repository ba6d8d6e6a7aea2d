"""Cards by the words of their name."""

from __future__ import annotations

import re

from provision.errors import InputError
from provision.knowledge.model import Knowledge, number
from provision.knowledge.words import card_name

_FAMILIES = {"nvidia", "geforce", "tesla", "quadro"}
_SHOWN = 6


def gpu_by_name(text: str, knowledge: Knowledge) -> str:
    """Return the PCI id of the card called `text` (`RTX 2070 SUPER`, in any case, family words left out).

    Several ids of one name, architecture and capability are one card to the tables: of them, the one that asks for the newest
    driver. Raises `InputError` with the ids to choose from where that does not settle it.
    """
    wanted = _words(text)
    cards = [gpu for gpu in knowledge.gpus if wanted and wanted <= _words(gpu.name)]
    if not cards:
        raise InputError(f"no card is called `{text}`", hint="`lspci -nn -d 10de:` shows its PCI id, such as `10de:1e84`")
    shortest = min(len(_words(gpu.name)) for gpu in cards)
    named = [gpu for gpu in cards if len(_words(gpu.name)) == shortest]
    if len({(tuple(sorted(_words(gpu.name))), gpu.architecture.name, gpu.capability, gpu.flavours) for gpu in named}) > 1:
        shown = dict.fromkeys(f"{card_name(gpu)} (`{gpu.pci}`)" for gpu in cards)
        more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
        raise InputError(f"`{text}` may be several cards", hint=f"say which: {', '.join([*shown][:_SHOWN])}{more}")
    return max(sorted(named, key=lambda gpu: gpu.pci), key=lambda gpu: number(gpu.first_driver)).pci


def _words(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", name.lower())) - _FAMILIES
