"""The catalog: what a machine should be, in order, with no two resources claiming the same thing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from provision.checks import model as checks
from provision.resources import base
from provision.resources.base import Resource, Secret


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A resource and the role that yielded it."""

    role: str
    resource: Resource


@dataclass(frozen=True, kw_only=True)
class RoleCheck:
    """A check and the role that yielded it."""

    role: str
    check: checks.Check


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a role decided for a machine: a `summary` of a few words, `why`, and what a person should know before agreeing."""

    summary: str
    why: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RoleNote:
    """A note and the role that yielded it; `stops` says why an apply would refuse (empty: it would not), `hint` what to do.

    Of a role that `auto` leaves out because nothing fits the machine there is one too: `skipped` says why.
    """

    role: str
    note: Note
    stops: str = ""
    hint: str = ""
    skipped: str = ""


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """The ordered entries and checks of one machine; notes are for people, and no part of what is asked of it."""

    entries: tuple[Entry, ...] = ()
    checks: tuple[RoleCheck, ...] = ()
    notes: tuple[RoleNote, ...] = field(default=(), compare=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret in it, so that what children print can be cleaned of them."""
        values = (getattr(e.resource, name) for e in self.entries for name in e.resource.__dataclass_fields__)
        return tuple(value.reveal() for value in values if isinstance(value, Secret))


def dump(catalog: Catalog, *, redact: bool = True) -> dict[str, Any]:
    """Return `catalog` as JSON-able data, without its notes; unredacted only on the wire to the agent."""
    return {
        "schema": 1,
        "entries": [{"role": e.role, "resource": base.dump(e.resource, redact=redact)} for e in catalog.entries],
        "checks": [{"role": c.role, "check": checks.dump(c.check)} for c in catalog.checks],
    }


def load(data: dict[str, Any]) -> Catalog:
    """Return the catalog that `dump(..., redact=False)` described."""
    return Catalog(
        entries=tuple(Entry(role=e["role"], resource=base.load(e["resource"])) for e in data["entries"]),
        checks=tuple(RoleCheck(role=c["role"], check=checks.load(c["check"])) for c in data["checks"]),
    )
