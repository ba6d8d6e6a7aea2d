"""A group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent.host import Reader
from provision.agent.provider import Pending
from provision.agent.steps import Run, Step
from provision.plan.model import Change, Diff, differs, same
from provision.resources.group import Group


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The group's number, `None` where there is no such group."""

    gid: int | None


class Groups:
    """A group that is there is never changed."""

    def observe(self, want: Group, host: Reader) -> Observed:
        return Observed(gid=host.group_names().get(want.name))

    def diff(self, want: Group, have: Observed, _pending: Pending) -> Diff:
        if have.gid is None:
            return differs(Change(field="group", before="absent", after="system group" if want.system else "group"))
        return same(f"there is a group {want.name} ({have.gid})")

    def steps(self, want: Group, have: Observed) -> Iterator[Step]:
        if have.gid is None:
            options = ("--system",) if want.system else ()
            yield Run(argv=("groupadd", *options, "--", want.name), says=f"adding group {want.name}", timeout=60)


provider = Groups()
