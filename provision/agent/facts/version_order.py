"""Debian's order of version strings, as a sort key."""

from __future__ import annotations


def version_key(version: str) -> tuple[object, ...]:
    """Return a key that sorts as `dpkg --compare-versions` does, for versions without an epoch."""
    upstream, dash, revision = version.rpartition("-")
    return (_part(upstream), _part(revision)) if dash else (_part(version), _part(""))


def _part(text: str) -> tuple[object, ...]:
    """Alternate texts and numbers; in a text `~` sorts before the end, the end before letters, letters before the rest."""
    key: list[object] = []
    rest = text
    while True:
        size = next((at for at, character in enumerate(rest) if character in "0123456789"), len(rest))
        key.append((*(_weight(character) for character in rest[:size]), 0))
        rest = rest[size:]
        size = len(rest) - len(rest.lstrip("0123456789"))
        key.append(int(rest[:size] or "0"))
        rest = rest[size:]
        if not rest:
            return (*key, (0,))


def _weight(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + (1 << 21)
