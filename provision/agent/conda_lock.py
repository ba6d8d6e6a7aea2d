"""Conda locks: a header, then one JSON object a line for each package; and what they ask of the machine itself."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from provision.errors import InputError, ProvisionError

_HEADER = re.compile(r"# provision request=([0-9a-f]+) platform=([a-z0-9]+-[a-z0-9_]+)\n")
_WORDS = {
    "name": re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*"),
    "version": re.compile(r"[A-Za-z0-9_.!+]+"),
    "build": re.compile(r"[A-Za-z0-9_.+]+"),
    "subdir": re.compile(r"noarch|[a-z0-9]+-[a-z0-9_]+"),
    "channel": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*"),
    "fn": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.!+-]*\.(conda|tar\.bz2)"),
    "sha256": re.compile(r"[0-9a-f]{64}"),
}
_OPTIONAL = {
    *("build_number", "md5", "size", "depends", "constrains"),
    *("noarch", "license", "timestamp", "python_site_packages_path"),
}
_CLAUSE = re.compile(r"(>=|<=|==|!=|=|>|<)?\s*([0-9][0-9A-Za-z._]*)(\.?\*)?")


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a lock says of itself: the request it was solved for, and for which platform (`linux-64`)."""

    request: str
    platform: str

    def __str__(self) -> str:
        return f"# provision request={self.request} platform={self.platform}\n"


@dataclass(frozen=True, kw_only=True)
class Record:
    """A package in a lock; `size` is in bytes, 0 when it is not known."""

    name: str
    version: str
    build: str
    subdir: str
    channel: str
    fn: str
    sha256: str
    size: int = 0
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """Name, version and build, as its record and its unpacked directory are called."""
        return f"{self.name}-{self.version}-{self.build}"


def header(lock: str) -> Header | None:
    """Return what `lock` says of itself; `None` for a lock that a person made."""
    found = _HEADER.match(lock)
    return Header(request=found[1], platform=found[2]) if found else None


def digest(lock: str) -> str:
    """Return a fingerprint of the packages in `lock`, whatever it was solved for."""
    return hashlib.sha256(_HEADER.sub("", lock, count=1).encode()).hexdigest()


def records(lock: str) -> tuple[Record, ...]:
    """Return the packages of `lock`; raises `InputError` with the line for anything that is not one."""
    found: dict[str, Record] = {}
    for number, line in enumerate(lock.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        record = _record(line, number)
        if record.name in found:
            raise InputError(f"line {number} of the conda lock names `{record.name}` a second time")
        found[record.name] = record
    return tuple(found.values())


def _record(line: str, number: int) -> Record:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        raise InputError(f"line {number} of the conda lock is not JSON") from None
    if not isinstance(data, dict) or set(data) - set(_WORDS) - _OPTIONAL or "://" in line or "'''" in line:
        raise InputError(f"line {number} of the conda lock is not a package, or holds what a lock must not")
    for field, pattern in _WORDS.items():
        if not isinstance(data.get(field), str) or not pattern.fullmatch(data[field]):
            raise InputError(f"line {number} of the conda lock: `{field}` is not acceptable")
    depends, constrains, size = data.get("depends", []), data.get("constrains", []), data.get("size", 0)
    if type(size) is not int or size < 0 or not all(_words(each) for each in (depends, constrains)):
        raise InputError(f"line {number} of the conda lock: `size`, `depends` or `constrains` is not acceptable")
    words = {field: data[field] for field in _WORDS}
    return Record(**words, size=size, depends=tuple(depends), constrains=tuple(constrains))


def _words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def check_machine(name: str, wanted: Iterable[Record], virtual: Mapping[str, str]) -> None:
    """Raise `ProvisionError` where a package for the environment `name` cannot work on the machine: see `unmet`."""
    for record, asked, there in unmet(wanted, virtual):
        has = f"has {asked.split()[0]} {there}" if there else "does not have it"
        raise ProvisionError(
            f"environment `{name}`: in its lock, {record.name} {record.version} needs `{asked}`, and this machine {has}",
            hint=f"`provision lock --upgrade {name}` solves it for this machine; a profile of its own keeps the other lock",
        )


def unmet(wanted: Iterable[Record], virtual: Mapping[str, str]) -> Iterator[tuple[Record, str, str]]:
    """Yield (package, what it asks, what the machine has or ``) where a package cannot work on the machine.

    `virtual` are what the machine has (`__cuda`: `13.2`). What is not understood is taken as met: the solver knew it.
    """
    for record in wanted:
        for spec in record.depends:
            name, _, rest = spec.strip().partition(" ")
            if name.startswith("__") and name not in {"__unix", "__linux"} and not _met(name, rest, virtual.get(name)):
                yield record, spec, virtual.get(name, "")
        for spec in record.constrains:
            name, _, rest = spec.strip().partition(" ")
            if name in virtual and name.startswith("__") and not _met(name, rest, virtual[name]):
                yield record, spec, virtual[name]


def _met(name: str, spec: str, have: str | None) -> bool:
    if have is None:
        return False
    version, _, build = spec.strip().partition(" ")
    if name == "__archspec":  # its version is always 1, its build says which processor
        level = re.fullmatch(r"x86_64_v([1-4])", build)
        ours = re.fullmatch(r"x86_64_v([1-4])", have)
        return not level or not ours or int(ours[1]) >= int(level[1])
    return not version or any(all(_holds(clause, have) for clause in group.split(",")) for group in version.split("|"))


def _holds(clause: str, have: str) -> bool:
    match = _CLAUSE.fullmatch(clause.strip())
    if not match:
        return True
    operator, wanted, starred = match[1] or "==", _key(match[2].rstrip(".")), bool(match[3])
    there = _key(have)
    if starred or operator == "=":
        alike = there[: len(wanted)] == wanted
        return alike != (operator == "!=") if operator in {"=", "==", "!="} else there >= wanted if "=" in operator else True
    length = max(len(wanted), len(there))
    one, other = (key + (0,) * (length - len(key)) for key in (there, wanted))
    return {
        "==": one == other,
        "!=": one != other,
        ">=": one >= other,
        "<=": one <= other,
        ">": one > other,
        "<": one < other,
    }[operator]


def _key(version: str) -> tuple[int, ...]:
    """Return a version's numbers; `3.0.a0`, which conda means by "just before 3.0", is 3.0 here."""
    numbers = []
    for part in version.split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)
