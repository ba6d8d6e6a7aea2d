"""Compilers, drivers and toolkits in apt's indexes, against the tables' rows of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from provision.knowledge.apt_index import AptIndex
from provision.knowledge.model import DriverOffer, Knowledge, System, number
from provision.knowledge.stale_row import NOTHING, Stale

_BESIDE = re.compile(r"linux-|nvidia-driver-pinning-|nvidia-persistenced$|zstd$")
"""Packages of a driver that do not carry its version, or not always."""
_NUMBERED = {"ubuntu": ("nvidia-driver-", r"(\d{3})(?:-open)?"), "nvidia": ("nvidia-driver-pinning-", r"(\d{3})")}
"""Packages that show which branches an origin has."""


def compilers(system: System, index: AptIndex) -> Iterator[Stale]:
    """Yield what is stale of a system's compilers and its Python."""
    own = system.id.partition("-")[0]
    usual = index.versions(["gcc", "python3"], own)
    numbered = index.numbered("gcc-", r"(\d+)")
    there = sorted(int(numbered[name]) for name in index.versions(numbered, own))
    compared = {
        "gcc": (str(system.gcc), _line(_newest(usual.get("gcc", ())), 1)),
        "python": (system.python, _line(_newest(usual.get("python3", ())), 2)),
        "compilers": (_words(system.compilers), _words(row for row in there if row >= min(system.compilers))),
    }
    for column, (ours, theirs) in compared.items():
        if theirs and ours != theirs:
            yield Stale(table="systems.toml", row=f"{system.id} {column}", tables_say=ours, index_says=theirs)


def drivers(tables: Knowledge, system: System, origin: str, index: AptIndex) -> Iterator[Stale]:
    """Yield what is stale of the drivers that `origin` has for `system`: newer, gone, become another branch, not known yet."""
    offers = [row for row in tables.drivers if (row.system, row.origin) == (system.id, origin)]
    for offer in offers:
        patterns = _patterns(tables, offer)
        own_names = any("{branch}" in name for name in patterns)
        if offer.becomes and not own_names:
            continue  # its transitional package is not among the rows
        names = [name.format(branch=offer.branch, kernel="") for name in patterns]
        there = [version for versions in index.versions(names, origin).values() for version in versions]
        newest = _newest(version for version in there if number(version)[0] == (offer.becomes or offer.branch))
        if not newest or (number(newest) > number(offer.version) and not offer.becomes):
            instead = _newest(there) if own_names or origin != "nvidia" else ""  # NVIDIA's names bring any branch
            says = newest or instead or NOTHING
            yield Stale(table="drivers.toml", row=_driver(offer), tables_say=offer.version, index_says=says)
    yield from _branches(system, origin, max((row.branch for row in offers), default=0), index)


def _branches(system: System, origin: str, last: int, index: AptIndex) -> Iterator[Stale]:
    """Yield the branches after `last` that `origin` has."""
    if origin not in _NUMBERED:
        return
    numbered = index.numbered(*_NUMBERED[origin])
    found: dict[int, str] = {}
    for name, versions in index.versions(numbered, origin).items():
        branch = int(numbered[name])
        found[branch] = _newest([found.get(branch, "0"), *versions])
    for branch in sorted(found):
        if branch > last:
            row = f"{system.id} {origin} {branch}"
            yield Stale(table="drivers.toml", row=row, tables_say=NOTHING, index_says=found[branch])


def _patterns(tables: Knowledge, offer: DriverOffer) -> list[str]:
    """Return the names of the packages that carry the version of what is offered, with `{branch}` in them."""
    branch = offer.becomes or offer.branch
    rows = [
        row
        for row in tables.packages
        if row.origin == offer.origin
        and row.first_branch <= branch <= (row.last_branch or branch)
        and (not row.systems or offer.system in row.systems)
    ]
    return sorted({name for row in rows for name in row.packages if not _BESIDE.match(name)})


def _driver(offer: DriverOffer) -> str:
    return f"{offer.system} {offer.origin} {offer.branch}"


def toolkits(tables: Knowledge, system: System, origin: str, index: AptIndex) -> Iterator[Stale]:
    """Yield what is stale of the CUDA toolkits that `origin` has for `system`."""
    offers = [row for row in tables.toolkit_offers if (row.system, row.origin) == (system.id, origin)]
    there = index.versions((name for row in offers for name in (*row.packages, *row.cudnn, *row.nccl)), origin)
    for offer in offers:
        lines = {_line(_newest(there.get(name, ())), 2) for name in offer.packages}
        if lines != {offer.version}:
            says = " ".join(sorted(line for line in lines if line)) or NOTHING
            row = f"{system.id} {origin} {offer.version}"
            yield Stale(table="toolkits.toml", row=row, tables_say=offer.version, index_says=says)
    for name in dict.fromkeys(name for row in offers for name in (*row.cudnn, *row.nccl)):
        if name not in there:
            yield Stale(table="toolkits.toml", row=f"{system.id} {origin}", tables_say=name, index_says=NOTHING)
    known = {row.version for row in offers}
    numbered = index.numbered("cuda-toolkit-", r"(\d+-\d+)")
    found = {numbered[name].replace("-", ".") for name in index.versions(numbered, origin)}
    for line in sorted(found - known, key=number):
        if not known or number(line) > min(map(number, known)):
            row = f"{system.id} {origin} {line}"
            yield Stale(table="toolkits.toml", row=row, tables_say=NOTHING, index_says=line)


def _newest(versions: Iterable[str]) -> str:
    return max(versions, key=number, default="")


def _line(version: str, parts: int) -> str:
    return ".".join(version.split(".")[:parts])


def _words(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers))
