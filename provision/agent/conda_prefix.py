"""What is in a conda prefix, by its records, without running anything.

`provision-records.json` is our program's seal: which records it left, with their sizes and times, which distributions came
with them. While that agrees with the directory, no record is opened: five environments of sixty cost some milliseconds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from provision.agent import environment_folder, pylock
from provision.agent.conda_lock import Record
from provision.agent.host import Reader
from provision.errors import UnreadableError

SEAL = "provision-records.json"
_META = "conda-meta"
_LARGEST = 1 << 26
"""Bytes of a record: a package of some 100,000 files has 20 MB."""


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A package a prefix has a record of; `sha256` as the record says."""

    name: str
    version: str
    build: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """What a prefix holds."""

    sealed: bool = False
    """Whether our program finished its last work there; what others changed since is seen in the records."""
    intact: bool = False
    """Whether its records are as our program left them."""
    lock: str = ""
    """The fingerprint of the lock that was installed (`conda_lock.digest`)."""
    packages: tuple[Installed, ...] = ()
    damaged: tuple[str, ...] = ()
    """Names of packages whose record cannot be read, or that lack what cannot be missing."""
    python: str = ""
    """`3.12`, empty without one."""
    added: tuple[tuple[str, str], ...] = ()
    """(name, version) of the distributions that did not come from conda packages."""


def read(host: Reader, path: str) -> Prefix:
    """Return what the prefix at `path` holds."""
    names = [name for name in host.listdir(f"{path}/{_META}") or () if name.endswith(".json")]
    stats = {name: host.lstat(f"{path}/{_META}/{name}") for name in names}
    lines = "".join(f"{name} {stat.size} {stat.mtime_ns}\n" for name, stat in stats.items() if stat)
    seal = _seal(host, path)
    damaged: tuple[str, ...] = ()
    intact = bool(seal) and seal.get("digest") == hashlib.sha256(lines.encode()).hexdigest()
    if intact:
        packages = tuple(Installed(name=name, version=v, build=b, sha256=s) for name, (v, b, s) in seal["records"].items())
        dists, site = frozenset(seal["dists"]), str(seal["site_packages"])
    else:
        found, damaged = _records(host, path, names)
        packages = tuple(_installed(data) for data in found)
        dists = frozenset(dist for data in found for dist in _distributions(data.get("files")))
        site = next((_site_packages(data) for data in found if data["name"] == "python"), "")
    if site and not environment_folder.program(host, f"{path}/bin/python"):
        damaged = (*damaged, "python")
    there = host.listdir(f"{path}/{site}") if site else ()
    return Prefix(
        sealed=bool(seal),
        intact=intact,
        lock=str(seal.get("lock", "")),
        packages=packages,
        damaged=damaged,
        python=next((".".join(each.version.split(".")[:2]) for each in packages if each.name == "python"), ""),
        added=tuple(sorted(pylock.installed(name for name in there or () if name not in dists).items())),
    )


def _seal(host: Reader, path: str) -> dict[str, Any]:
    seal = _json(host, f"{path}/{SEAL}")
    shapes = {"records": dict, "dists": list, "site_packages": str}
    whole = seal.get("schema") == 1 and all(isinstance(seal.get(name), shape) for name, shape in shapes.items())
    return seal if whole and all(isinstance(each, list) and len(each) == 3 for each in seal["records"].values()) else {}  # noqa: PLR2004


def _json(host: Reader, path: str) -> dict[str, Any]:
    try:
        data = json.loads(host.read(path, limit=_LARGEST) or b"")
    except (ValueError, RecursionError, UnreadableError):
        return {}
    return data if isinstance(data, dict) else {}


def _records(host: Reader, path: str, names: Iterable[str]) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    found, damaged = [], []
    for name in names:
        data = _json(host, f"{path}/{_META}/{name}")
        if name == f"{data.get('name')}-{data.get('version')}-{data.get('build')}.json":
            found.append(data)
        else:
            damaged.append(name.removesuffix(".json").rsplit("-", 2)[0])
    return found, tuple(damaged)


def _installed(data: dict[str, Any]) -> Installed:
    return Installed(name=data["name"], version=data["version"], build=data["build"], sha256=str(data.get("sha256") or ""))


def _distributions(files: object) -> Iterator[str]:
    for file in files if isinstance(files, list) else ():
        before, found, _ = str(file).partition(".dist-info/")
        if found:
            yield f"{before.rpartition('/')[2]}.dist-info"


def _site_packages(python: dict[str, Any]) -> str:
    minor = ".".join(str(python.get("version", "")).split(".")[:2])
    return str(python.get("python_site_packages_path") or f"lib/python{minor}/site-packages")


def drift(wanted: Iterable[Record], have: Prefix) -> tuple[tuple[str, str, str], ...]:
    """Return (name, what is there, what is wanted) where a prefix is not as a lock says; `` is absent."""
    want = {record.name: record for record in wanted}
    there: dict[str, Installed] = {}
    twice = set(have.damaged)
    for each in have.packages:
        twice.update({each.name} & set(there))
        there[each.name] = each
    out = []
    for name in sorted({*want, *there, *twice}):
        one, other = there.get(name), want.get(name)
        before = "" if one is None else one.version
        after = "" if other is None else other.version
        if name in twice:
            out.append((name, "damaged", after))
        elif one and other and (one.build, one.sha256) != (other.build, other.sha256) and before == after:
            alike = one.build == other.build
            out.append((name, f"{before} with other contents" if alike else f"{before} {one.build}", f"{after} {other.build}"))
        elif before != after:
            out.append((name, before, after))
    return tuple(out)
