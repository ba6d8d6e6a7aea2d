"""The plan: per resource `ok`, `change`, `known-after-apply` or `opaque`; never a guess presented as a fact.

Made by the agent, shown by the controller, so the standard library only.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Status(str, Enum):
    """What a plan says about one resource."""

    OK = "ok"
    CHANGE = "change"
    KNOWN_AFTER_APPLY = "known-after-apply"
    OPAQUE = "opaque"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One aspect of a resource that differs: `field` is `content`, `mode`, `installed`…; secrets are shown as `***`."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Diff:
    """How a resource differs from what was observed; with no changes it is `ok`, and `why` says why."""

    status: Status
    why: str = ""
    changes: tuple[Change, ...] = ()
    text: str = ""
    """A unified diff, where there is one."""
    download_bytes: int | None = None
    seconds: float | None = None
    """A rough estimate of how long the steps take."""
    reboots: int = 0
    lacks: str = ""
    """The SHA-256 of a blob the steps will need."""

    @property
    def ok(self) -> bool:
        """Whether nothing is to be done."""
        return self.status is Status.OK


def same(why: str) -> Diff:
    """Return the diff of a resource that is already so, with the reason."""
    return Diff(status=Status.OK, why=why)


def differs(*changes: Change, why: str = "", text: str = "", **more: Any) -> Diff:  # noqa: ANN401 - Diff's own fields
    """Return the diff of a resource that is to change."""
    return Diff(status=Status.CHANGE, changes=changes, why=why, text=text, **more)


@dataclass(frozen=True, kw_only=True)
class PlanEntry:
    """One resource in a plan."""

    key: str
    role: str
    kind: str
    title: str
    diff: Diff


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The whole plan of one machine, in the order of the catalog."""

    entries: tuple[PlanEntry, ...]
    free_bytes: int | None = None
    """Space free on the root file system."""
    schema: int = field(default=1)

    @property
    def pending(self) -> tuple[PlanEntry, ...]:
        """The entries that are not `ok`."""
        return tuple(entry for entry in self.entries if not entry.diff.ok)

    @property
    def digest(self) -> str:
        """A fingerprint of what was shown, which `go` quotes, so that only a confirmed plan is ever applied."""
        shown = [[e.key, e.diff.status.value, [[c.field, c.before, c.after] for c in e.diff.changes]] for e in self.pending]
        return hashlib.sha256(json.dumps(shown).encode()).hexdigest()


def dump(plan: Plan) -> dict[str, Any]:
    """Return `plan` as JSON-able data; defaults of a diff are left out."""
    entries = []
    for entry in plan.entries:
        diff = {
            f.name: getattr(entry.diff, f.name)
            for f in dataclasses.fields(Diff)
            if f.name not in {"status", "changes"} and getattr(entry.diff, f.name) != f.default
        }
        diff["status"] = entry.diff.status.value
        if entry.diff.changes:
            diff["changes"] = [{"field": c.field, "before": c.before, "after": c.after} for c in entry.diff.changes]
        entries.append({"key": entry.key, "role": entry.role, "kind": entry.kind, "title": entry.title, **diff})
    return {"schema": plan.schema, "entries": entries, "free_bytes": plan.free_bytes, "digest": plan.digest}


def load(data: dict[str, Any]) -> Plan:
    """Return the plan that `dump` described."""
    entries = []
    for item in data["entries"]:
        rest = dict(item)
        head = {name: rest.pop(name) for name in ("key", "role", "kind", "title")}
        status = Status(rest.pop("status"))
        changes = tuple(Change(**change) for change in rest.pop("changes", ()))
        entries.append(PlanEntry(**head, diff=Diff(status=status, changes=changes, **rest)))
    return Plan(entries=tuple(entries), free_bytes=data["free_bytes"], schema=data["schema"])
