"""Why a GPU runs slower than it could, from nvidia-smi(1)."""

from __future__ import annotations

from provision.agent.facts.asking import ask
from provision.agent.facts.tree import Tree, clean

_SECONDS = 5.0
_REASONS = ("Clocks Event Reasons", "Clocks Throttle Reasons")
"""What newer and older drivers call them."""
_HARMLESS = "Idle"


def throttle(tree: Tree) -> tuple[str, ...]:
    """Return the reasons that hold right now, on any GPU."""
    return parse(ask(tree, ("nvidia-smi", "-q", "-d", "PERFORMANCE"), seconds=_SECONDS)())


def parse(text: str) -> tuple[str, ...]:
    """Return the reasons that are active, each once; the counters below them are not looked at."""
    found: dict[str, None] = {}
    reasons = False
    for line in clean(text.encode("utf-8", "replace")).split("\n"):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            # `HW Slowdown` has a line without a value above its own reasons in some versions: it ends nothing.
            reasons = name in _REASONS or (reasons and not name.startswith("Clocks"))
        elif reasons and value == "Active" and name != _HARMLESS:
            found[name] = None
    return tuple(found)
