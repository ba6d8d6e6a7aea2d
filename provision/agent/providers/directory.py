"""Directories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent.host import Reader
from provision.agent.place import Place, locate
from provision.agent.provider import Pending
from provision.agent.steps import MakeDirectory, Remove, Step
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, Status, differs, same
from provision.resources.directory import Directory


@dataclass(frozen=True, kw_only=True)
class DirectoryState:
    """What is at the path; `entries` are read only where the directory is to go."""

    place: Place
    entries: tuple[str, ...] = ()


class DirectoryProvider:
    """Observes and makes directories; removes only empty ones, replaces nothing."""

    def observe(self, want: Directory, host: Reader) -> DirectoryState:
        place = locate(want.path, want.owner, want.group, host)
        entries = (host.listdir(want.path) or ()) if want.absent and place.kind == "directory" else ()
        return DirectoryState(place=place, entries=entries)

    def diff(self, want: Directory, have: DirectoryState, pending: Pending) -> Diff:
        place = have.place
        if place.kind not in {"absent", "directory"}:
            raise place.wrong("directory")
        if want.absent:
            return _absent_diff(want, have, pending)
        if blocker := place.blocker(pending):
            return blocker
        if place.kind == "absent":
            made = Change(field="directory", before="absent", after=f"{want.mode:04o} {place.owner}:{place.group}")
            return differs(*place.parent_changes(pending), made, why="missing")
        return place.attributes_diff(want.mode, "there with the wanted mode and owner")

    def steps(self, want: Directory, have: DirectoryState) -> Iterator[Step]:
        place = have.place
        if want.absent:
            if place.kind != "absent":
                yield Remove(path=want.path)
        elif place.kind == "absent":
            yield from place.parents()
            yield MakeDirectory(path=want.path, mode=want.mode, owner=place.owner, group=place.group)
        elif place.attribute_changes(want.mode):
            yield place.attributes(want.mode)


def _absent_diff(want: Directory, have: DirectoryState, pending: Pending) -> Diff:
    if have.place.kind == "absent":
        return same("already absent")
    staying = [name for name in have.entries if not pending.has(f"path:{want.path}/{name}")]
    if staying:
        raise ProvisionError(
            f"directory `{want.path}` is to go, but is not empty: it holds `{staying[0]}`",
            hint=f"look with `ls -A {want.path}`; what is in it is never deleted",
        )
    if have.entries:
        return Diff(status=Status.KNOWN_AFTER_APPLY, why=f"goes if it is empty once `{have.entries[0]}` has changed")
    return differs(Change(field="directory", before="empty", after="absent"), why="not wanted any more")


provider = DirectoryProvider()
