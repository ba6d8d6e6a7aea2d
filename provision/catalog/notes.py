"""What roles decided, as JSON-able data for programs, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from provision.catalog.model import Note, RoleNote
from provision.errors import ProvisionError


def with_stops(notes: Sequence[RoleNote], stops: Mapping[str, ProvisionError]) -> tuple[RoleNote, ...]:
    """Return `notes` with why an apply would refuse, by role; a role that said nothing gets an empty note for it."""
    found = {each.role: each for each in notes}
    for role, error in stops.items():
        before = found.get(role, RoleNote(role=role, note=Note(summary="")))
        found[role] = replace(before, stops=error.message, hint=error.hint)
    return tuple(found.values())


def dump(notes: Sequence[RoleNote]) -> list[dict[str, Any]]:
    """Return `notes` as JSON-able data."""
    return [
        {
            "role": each.role,
            "summary": each.note.summary,
            "why": each.note.why,
            "warnings": list(each.note.warnings),
            "stops": each.stops,
            "hint": each.hint,
            "skipped": each.skipped,
        }
        for each in notes
    ]


def load(data: Sequence[Mapping[str, Any]]) -> tuple[RoleNote, ...]:
    """Return the notes that `dump` described."""
    return tuple(
        RoleNote(
            role=each["role"],
            note=Note(summary=each["summary"], why=each["why"], warnings=tuple(each["warnings"])),
            stops=each["stops"],
            hint=each["hint"],
            skipped=each["skipped"],
        )
        for each in data
    )
