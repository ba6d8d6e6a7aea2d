"""Ready-made environments, what belongs to a framework's build, and what a kernel needs said: `presets.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from provision.knowledge import table


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What an environment holds that is asked for by this name alone."""

    name: str
    frameworks: tuple[str, ...]
    packages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Companions:
    """Packages built for one build of a framework, on whose index they lie; those in `always` come with it in any case.

    `brought_by` are the other frameworks that bring those along.
    """

    framework: str
    always: tuple[str, ...]
    brought_by: tuple[str, ...]
    packages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Variables:
    """What activating a conda environment with one of `packages` would set."""

    packages: tuple[str, ...]
    set: tuple[tuple[str, str], ...]


@cache
def presets() -> dict[str, Preset]:
    """Return the ready-made environments by name."""
    rows = table("presets")["presets"]
    return {
        row["name"]: Preset(name=row["name"], frameworks=tuple(row["frameworks"]), packages=tuple(row["packages"]))
        for row in rows
    }


@cache
def companions(framework: str) -> Companions:
    """Return the packages that are built for one build of `framework` each."""
    rows = (row for row in table("presets")["companions"] if row["framework"] == framework)
    row = {"always": (), "brought_by": (), "packages": (), **next(rows, {})}
    lists = {name: tuple(row[name]) for name in ("always", "brought_by", "packages")}
    return Companions(framework=framework, **lists)


@cache
def packages_of() -> dict[str, str]:
    """Return the frameworks by the names of packages that are them."""
    return {package: row["framework"] for row in table("presets")["names"] for package in row["packages"]}


@cache
def variables() -> tuple[Variables, ...]:
    """Return what activation scripts set."""
    rows = table("presets")["variables"]
    return tuple(
        Variables(packages=tuple(row["packages"]), set=tuple((name, value) for name, value in row["set"])) for row in rows
    )
