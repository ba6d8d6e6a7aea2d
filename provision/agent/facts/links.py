"""Symbolic links of a machine, followed below its root: a recorded machine's never lead to this one's files."""

from __future__ import annotations

from provision.agent.facts.tree import Tree

_HOPS = 40
"""As many links as the kernel follows."""


def resolve(tree: Tree, path: str) -> str:
    """Return `path` without links; empty where they go round in circles. What is absent stays as it is written."""
    waiting = path.split("/")[::-1]
    at = ""
    hops = 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            at = at.rpartition("/")[0]
        elif part not in ("", "."):
            target = tree.link(f"{at}/{part}")
            if not target:
                at = f"{at}/{part}"
                continue
            hops += 1
            if hops > _HOPS:
                return ""
            if target.startswith("/"):
                at = ""
            waiting += target.split("/")[::-1]
    return at or "/"
