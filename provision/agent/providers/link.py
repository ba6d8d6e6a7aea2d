"""Symbolic links."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent.host import Reader
from provision.agent.place import Place, locate
from provision.agent.provider import Pending
from provision.agent.steps import MakeLink, Remove, Step
from provision.plan.model import Change, Diff, differs, same
from provision.resources.link import Link


@dataclass(frozen=True, kw_only=True)
class LinkState:
    """What is at the path."""

    place: Place


class LinkProvider:
    """Observes and makes links; a file or directory at the path is never replaced or removed."""

    def observe(self, want: Link, host: Reader) -> LinkState:
        return LinkState(place=locate(want.path, want.owner, "", host))

    def diff(self, want: Link, have: LinkState, pending: Pending) -> Diff:
        place = have.place
        if place.kind not in {"absent", "link"}:
            raise place.wrong("link")
        if want.absent:
            if place.kind == "absent":
                return same("already absent")
            return differs(Change(field="link", before=place.target, after="absent"), why="not wanted any more")
        if blocker := place.blocker(pending):
            return blocker
        if place.kind == "absent":
            made = Change(field="link", before="absent", after=want.target)
            return differs(*place.parent_changes(pending), made, why="missing")
        changes = _changes(want, have)
        if changes:
            return differs(*changes, why=" and ".join(change.field for change in changes) + " differ")
        return same(f"points to `{want.target}`")

    def steps(self, want: Link, have: LinkState) -> Iterator[Step]:
        place = have.place
        if want.absent:
            if place.kind == "link":
                yield Remove(path=want.path)
        elif place.kind == "absent" or _changes(want, have):
            yield from place.parents()
            yield MakeLink(path=want.path, target=want.target, owner=place.owner, group=place.group)


def _changes(want: Link, have: LinkState) -> tuple[Change, ...]:
    owner = have.place.stat.owner if have.place.stat else ""
    pairs = (("target", have.place.target, want.target), ("owner", owner, want.owner))
    return tuple(Change(field=field, before=before, after=after) for field, before, after in pairs if before != after)


provider = LinkProvider()
