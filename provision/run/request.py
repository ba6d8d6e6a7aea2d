"""What a person asked for on the command line, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Request:
    """The profile and roles asked for on the command line."""

    profile: Path | None = None
    roles: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    role_paths: tuple[Path, ...] = ()
