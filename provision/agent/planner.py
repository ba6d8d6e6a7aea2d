"""Catalog + a look at the machine → plan. Hands providers a `Reader`, so it has no way to change anything."""

from __future__ import annotations

from provision.agent.host import Reader
from provision.agent.provider import Pending, provider_of
from provision.catalog.model import Catalog
from provision.errors import ProvisionError, UnreadableError
from provision.plan.model import Diff, Plan, PlanEntry, Status
from provision.resources.base import Resource


def _diff(resource: Resource, host: Reader, pending: Pending, *, privileged: bool) -> Diff:
    provider = provider_of(resource.kind)
    try:
        return provider.diff(resource, provider.observe(resource, host), pending)
    except UnreadableError as error:
        if privileged:
            raise
        return Diff(status=Status.KNOWN_AFTER_APPLY, why=f"{error.message} (not looked at as root)")


def make_plan(catalog: Catalog, host: Reader, *, privileged: bool = True, free_bytes: int | None = None) -> Plan:
    """Return the plan of `catalog` on `host`; raises `ProvisionError` with all that is in the way, the first as message."""
    pending, entries, problems = Pending(), [], []
    for entry in catalog.entries:
        resource = entry.resource
        try:
            diff = _diff(resource, host, pending, privileged=privileged)
        except ProvisionError as error:
            problems.append((f"{entry.role} · {resource.key}: {error.message}", error))
            continue
        if not diff.ok:
            pending.add(resource)
        entries.append(PlanEntry(key=resource.key, role=entry.role, kind=resource.kind, title=resource.title, diff=diff))
    if problems:
        text, first = problems[0]
        others = "\n".join(text for text, _ in problems[1:])
        raise ProvisionError(text, hint=first.hint, evidence="\n".join(filter(None, (first.evidence, others))), exit=first.exit)
    return Plan(entries=tuple(entries), free_bytes=free_bytes)


def unit_names(catalog: Catalog) -> tuple[str, ...]:
    """Return the systemd units a catalog speaks of, so that they are asked for in one go; a template has no state."""
    fields = {"service": "unit", "unit": "name"}
    found = {getattr(e.resource, fields[e.resource.kind]) for e in catalog.entries if e.resource.kind in fields}
    return tuple(sorted(name for name in found if "@." not in name))
