"""What is known of the world, as tables with source and date beside each row, and their typed loader."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from provision.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A wheel that may be taken; `architecture` is Debian's name (`amd64`, `arm64`)."""

    platform: str
    architecture: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ToolRelease:
    """The release of a tool that provision brings."""

    name: str
    version: str
    wheels: tuple[Wheel, ...]

    def hashes(self, architecture: str) -> tuple[str, ...]:
        """Return the SHA-256 of the wheels for `architecture`; raises `InputError` when there is none."""
        found = tuple(wheel.sha256 for wheel in self.wheels if wheel.architecture == architecture)
        if not found:
            known = ", ".join(sorted({wheel.architecture for wheel in self.wheels}))
            raise InputError(f"no {self.name} is known for `{architecture}` machines, only for {known}")
        return found


def table(name: str) -> dict[str, Any]:
    """Return the table `provision/knowledge/NAME.toml` as it stands."""
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    data: dict[str, Any] = toml.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))
    return data


@cache
def uv() -> ToolRelease:
    """Return which uv to bring, from `uv.toml`."""
    return _release("uv")


@cache
def rattler() -> ToolRelease:
    """Return which py-rattler to bring, from `rattler.toml`."""
    return _release("rattler")


def _release(name: str) -> ToolRelease:
    data = table(name)
    return ToolRelease(name=name, version=data["version"], wheels=tuple(Wheel(**wheel) for wheel in data["wheels"]))
