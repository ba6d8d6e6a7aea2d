"""Resources made for tests of the engine: what a `Thing` is, is what the machine remembers under its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from provision.agent import executor, planner, provider
from provision.agent.host import Reader
from provision.agent.provider import Pending
from provision.agent.steps import Remember, RequestReboot, Run, Step
from provision.catalog.model import Catalog, Entry, RoleCheck
from provision.checks.model import Check, Probe
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, Status, differs, same
from provision.resources.base import Resource, Secret


@dataclass(frozen=True, kw_only=True)
class Thing(Resource):
    """`how` is what happens when it is made: `well`, `never` (does not converge), `badly` (a step fails), `reboot`."""

    kind = "thing"
    name: str
    how: str = "well"
    after: str = ""
    """A claim that must not be pending for the diff to be known."""
    secret: Secret | None = None

    @property
    def identity(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class Batched(Thing):
    kind = "batched"


@dataclass
class Things:
    """The provider of `thing`; `seen` is every observation in order."""

    seen: list[str] = field(default_factory=list)
    trouble: dict[str, Exception] = field(default_factory=dict)

    def observe(self, want: Thing, host: Reader) -> str:
        self.seen.append(want.name)
        if want.name in self.trouble:
            raise self.trouble[want.name]
        return host.recall(want.name) or ""

    def diff(self, want: Thing, have: str, pending: Pending) -> Diff:
        if have == "made":
            return same("made already")
        if want.after and pending.has(want.after):
            return Diff(status=Status.KNOWN_AFTER_APPLY, why=f"{want.after} comes first")
        return differs(Change(field="state", before=have or "absent", after="made"), text="- no\n+ yes")

    def steps(self, want: Thing, have: str) -> Iterator[Step]:
        if want.how == "badly":
            yield Run(argv=("false", want.name))
        if want.how == "reboot":
            yield RequestReboot(because=want.name)
        yield Remember(name=want.name, value="half" if want.how == "never" else "made")


class Batches(Things):
    """The provider of `batched`: all that stand side by side in one step."""

    def batch_steps(self, pairs: Sequence[tuple[Thing, str]]) -> Iterator[Step]:
        names = [want.name for want, _ in pairs]
        yield Run(argv=("batch", *names))
        for want, have in pairs:
            yield from self.steps(want, have)


def install(patch: pytest.MonkeyPatch) -> Things:
    """Let the engine know both kinds; return the provider of `thing`."""
    things = Things()
    known: dict[str, Any] = {"thing": things, "batched": Batches(seen=things.seen, trouble=things.trouble)}

    def provider_of(kind: str) -> Any:  # noqa: ANN401 - a provider of any kind
        return known[kind] if kind in known else provider.provider_of(kind)

    patch.setattr(planner, "provider_of", provider_of)
    patch.setattr(executor, "provider_of", provider_of)
    return things


def catalog(*resources: Resource, role: str = "base", checks: tuple[RoleCheck, ...] = ()) -> Catalog:
    """Return a catalog of one role."""
    return Catalog(entries=tuple(Entry(role=role, resource=resource) for resource in resources), checks=checks)


def check(name: str, *argv: str, role: str = "base", hint: str = "look", **probe: Any) -> RoleCheck:  # noqa: ANN401 - Probe's fields
    """Return a check of `role` that runs `argv`."""
    return RoleCheck(role=role, check=Check(name=name, proves="it works", probe=Probe(argv=argv, **probe), hint=hint))


def failure(message: str = "no", **more: Any) -> ProvisionError:  # noqa: ANN401 - its own fields
    return ProvisionError(message, **more)
