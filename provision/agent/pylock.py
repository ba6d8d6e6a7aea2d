"""Locks as uv writes them (a requirements file with hashes), and the records of what is installed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

ANY = ""
"""The version of a pin that names none (`name @ URL`), or that holds on some machines only (`name==1 ; marker`)."""

_PIN = re.compile(r"\n([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?[ \t]*(?:==[ \t]*([^\s;\\#]+))?(.*)")
_HEADER = re.compile(r"^#\s+provision request=([0-9a-f]+) python=(3(?:\.[0-9]+)?)$", re.MULTILINE)
_RECORD = re.compile(r"(.+)-([^-]+)\.dist-info")
_SPELLING = re.compile(r"[-_.]?(a|b|c|rc|alpha|beta|pre|preview|post|rev|dev)[-_.]?([0-9]+)")
_LETTERS = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc", "rev": "post"}


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a lock says of itself: the request it was solved for, and with which Python (`3.11`; `3` when not known)."""

    request: str
    python: str

    def __str__(self) -> str:
        return f"provision request={self.request} python={self.python}"


def header(lock: str) -> Header | None:
    """Return what `lock` says of itself; `None` for a lock that a person made."""
    found = _HEADER.search(lock)
    return Header(request=found[1], python=found[2]) if found else None


def name(text: str) -> str:
    """Return a distribution's name as PEP 503 normalises it."""
    return re.sub(r"[-_.]+", "-", text).lower()


def version(text: str) -> str:
    """Return a version in one spelling (PEP 440, as far as wheels and locks differ): `2022.07.1` is `2022.7.1`."""
    public, _, local = text.lower().removeprefix("v").partition("+")
    public = _SPELLING.sub(lambda found: f".{_LETTERS.get(found[1], found[1])}{found[2]}", public)
    public = re.sub(r"(?<![0-9a-z])0+(?=[0-9])", "", public)
    public = re.sub(r"(\.0)+(?=$|\.[a-z])", "", public)
    return f"{public}+{re.sub('[-_.]', '.', local)}" if local else public


def _requirements(lock: str) -> Iterator[re.Match[str]]:
    # From newline to newline, not with `^`: most lines are hashes, and this passes over them twice as fast.
    return _PIN.finditer(f"\n{lock}")


def pins(lock: str) -> dict[str, str]:
    """Return the versions by name that `lock` asks for; `ANY` where it leaves the version open."""
    found = {}
    for match in _requirements(lock):
        marked = ";" in match[3]
        found[name(match[1])] = ANY if marked or not match[2] else match[2]
    return found


def conditional(lock: str) -> frozenset[str]:
    """Return the names `lock` asks for only where a marker holds: they may be there or not."""
    return frozenset(name(match[1]) for match in _requirements(lock) if ";" in match[3])


def installed(names: Iterable[str]) -> dict[str, str]:
    """Return the versions by name that the entries of a `site-packages` directory record."""
    found = {}
    for each in names:
        match = _RECORD.fullmatch(each) if each.endswith(".dist-info") else None
        if match:
            found[name(match[1])] = match[2]
    return found


def drift(lock: str, have: Mapping[str, str]) -> tuple[tuple[str, str, str], ...]:
    """Return (name, version there, version wanted) where `have` is not as `lock` says; `` is absent."""
    want = pins(lock)
    optional = conditional(lock) if ";" in lock else frozenset()
    out = []
    for each in sorted({*want, *have}):
        there, wanted = have.get(each, ""), want.get(each)
        if wanted is None:
            out.append((each, there, ""))
        elif not there and each not in optional:
            out.append((each, "", wanted or "any version"))
        elif there and wanted and there != wanted and version(there) != version(wanted):
            out.append((each, there, wanted))
    return tuple(out)
