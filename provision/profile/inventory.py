"""The inventory: which machines, each with its profile and groups.

```toml
[[host]]
name = "me@gpu-01"
profile = "lab.toml"      # beside the inventory; without it, the profile that would be found anyway
groups = ["lab", "ampere"]
```
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import field_validator

from provision.errors import InputError
from provision.profile.document import read_document, shown
from provision.profile.fields import Rule, mistake
from provision.profile.mistakes import unknown_word
from provision.profile.model import Section
from provision.profile.read import build

HostName = Annotated[
    str,
    Rule(
        r"(?:[A-Za-z_][A-Za-z0-9._-]{0,63}@)?(?:[A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])",
        "must be `HOST` or `USER@HOST`, as for ssh",
        'such as `name = "me@gpu-01"`',
    ),
]
GroupName = Annotated[str, Rule(r"[A-Za-z0-9][A-Za-z0-9._-]*", "must be of letters, digits and `. _ -`", longest=64)]
ProfilePath = Annotated[
    str, Rule(r"[^-\x00-\x1f\x7f][^\x00-\x1f\x7f]*", "must be a path", 'such as `profile = "lab.toml"`', longest=1024)
]


class _Host(Section):
    name: HostName
    profile: ProfilePath | None = None
    groups: tuple[GroupName, ...] = ()


class _Inventory(Section):
    host: tuple[_Host, ...]

    @field_validator("host")
    @classmethod
    def _once(cls, hosts: tuple[_Host, ...]) -> tuple[_Host, ...]:
        if not hosts:
            raise mistake("must not be empty", "write a `[[host]]` table for each machine")
        seen: dict[str, int] = {}
        for index, host in enumerate(hosts):
            before = seen.setdefault(host.name, index)
            if before != index:
                raise mistake("is given twice", at=(index, "name"), other=(before, "name"))
        return hosts


@dataclass(frozen=True)
class HostEntry:
    """A machine: `name` as ssh takes it, its profile's path (`None`: the one that is found) and its groups."""

    name: str
    profile: Path | None = None
    groups: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """The name without its user."""
        return self.name.rpartition("@")[2]


def load_inventory(path: Path) -> tuple[HostEntry, ...]:
    """Return the machines of the inventory `path`, in its order; raises `InputError` with file, line and field."""
    inventory = build(_Inventory, read_document(path))
    return tuple(
        HostEntry(host.name, path.parent / _expanded(host.profile) if host.profile else None, host.groups)
        for host in inventory.host
    )


def _expanded(path: str) -> Path:
    return Path.home() / path[2:] if path.startswith("~/") else Path(path)


def limit(entries: tuple[HostEntry, ...], patterns: str) -> tuple[HostEntry, ...]:
    """Return the `entries` that match one of `patterns`: shell globs on name, host or group, with commas between them.

    Raises `InputError` for a pattern that matches none, so that a typing mistake never means "no machine".
    """
    chosen: set[HostEntry] = set()
    for pattern in filter(None, (part.strip() for part in patterns.split(","))):
        matching = {entry for entry in entries if any(fnmatch.fnmatchcase(word, pattern) for word in _words(entry))}
        if not matching:
            known = sorted({word for entry in entries for word in _words(entry)})
            raise InputError(f"--limit: no machine or group matches `{shown(pattern)}`", hint=unknown_word(pattern, known))
        chosen |= matching
    if not chosen:
        raise InputError("--limit: names no machine", hint="such as `--limit 'gpu-*'`")
    return tuple(entry for entry in entries if entry in chosen)


def _words(entry: HostEntry) -> tuple[str, ...]:
    return (entry.name, entry.host, *entry.groups)
