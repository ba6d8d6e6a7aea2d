"""Builds of frameworks that a machine keeps in folders beside its package index (pip's `find-links`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_NAME = re.compile(r"([a-z0-9_]+)-([0-9][0-9.]*)\+([a-z0-9.]+)(?:-[0-9][a-z0-9]*)?-([a-z0-9.]+)-[a-z0-9_.]+-([a-z0-9_.]+)\.whl")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A build: `torch` `2.13.0` of the build `cpu`, for Python `3.11` (empty: any) and `amd64` (empty: any)."""

    name: str
    version: str
    build: str
    python: str = ""
    architecture: str = ""

    @property
    def pin(self) -> str:
        """The requirement that takes this build and no other."""
        return f"{self.name}=={self.version}+{self.build}"

    @property
    def number(self) -> tuple[int, ...]:
        """The version as it compares."""
        return tuple(int(part) for part in self.version.split("."))


def wheels(names: Iterable[str], architecture: str) -> tuple[Wheel, ...]:
    """Return the builds among the file `names` that are for `architecture`, the newest first; others say nothing of a build."""
    found = (wheel for name in names for wheel in _wheels(name))
    return tuple(
        sorted(
            {wheel for wheel in found if wheel.architecture in {"", architecture}}, key=lambda wheel: wheel.number, reverse=True
        )
    )


def _wheels(name: str) -> Iterator[Wheel]:
    match = _NAME.fullmatch(name)
    if not match:
        return
    machine = next((debian for word, debian in _MACHINES.items() if match[5].endswith(word)), "")
    for tag in match[4].split("."):
        minor = re.fullmatch(r"cp3(\d+)", tag)
        if minor or tag == "py3":
            python = f"3.{minor[1]}" if minor else ""
            yield Wheel(name=match[1], version=match[2].rstrip("."), build=match[3], python=python, architecture=machine)
