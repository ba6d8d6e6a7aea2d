"""The machine's time zone."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent import textfile
from provision.agent.host import Reader, Stat
from provision.agent.provider import Pending
from provision.agent.steps import MakeLink, Remove, Step
from provision.agent.textfile import TextFile
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, Status, differs, same
from provision.resources.timezone import Timezone

LOCALTIME, NAME, ZONES = "/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo"


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The zone's own file, what `/etc/localtime` is and points to (absolute), and `/etc/timezone`."""

    zone: Stat | None
    localtime: Stat | None
    points_to: str
    name: TextFile


class Timezones:
    """`/etc/timezone` is kept right where there is one: Debian dropped it in 13, and nobody should bring it back."""

    def observe(self, want: Timezone, host: Reader) -> Observed:
        stat = host.lstat(LOCALTIME)
        target = host.readlink(LOCALTIME) or "" if stat is not None and stat.kind == "link" else ""
        return Observed(
            zone=host.lstat(f"{ZONES}/{want.name}"),
            localtime=stat,
            points_to=posixpath.normpath(posixpath.join("/etc", target)) if target else "",
            name=textfile.observe(NAME, host),
        )

    def diff(self, want: Timezone, have: Observed, pending: Pending) -> Diff:
        changes = _changes(want, have)
        if have.zone is None or have.zone.kind == "directory":
            for package in ("tzdata", "tzdata-legacy"):
                if pending.has(f"package:{package}"):
                    return Diff(status=Status.KNOWN_AFTER_APPLY, why=f"comes with the package {package}", changes=changes)
            raise ProvisionError(
                f"this machine knows no time zone `{want.name}`",
                hint="`timedatectl list-timezones` lists them; the package is `tzdata` (old names: `tzdata-legacy`)",
            )
        if not changes:
            return same(f"the time zone is {want.name}")
        return differs(*changes)

    def steps(self, want: Timezone, have: Observed) -> Iterator[Step]:
        if have.points_to != f"{ZONES}/{want.name}":
            if have.localtime is not None and have.localtime.kind == "file":
                yield Remove(path=LOCALTIME)
            yield MakeLink(path=LOCALTIME, target=f"{ZONES}/{want.name}", owner="root", group="root")
        if have.name.there:
            yield from textfile.steps(have.name, f"{want.name}\n".encode())


def _changes(want: Timezone, have: Observed) -> tuple[Change, ...]:
    found = []
    if have.points_to != f"{ZONES}/{want.name}":
        before = have.points_to.removeprefix(f"{ZONES}/") or ("absent" if have.localtime is None else have.localtime.kind)
        found.append(Change(field="time zone", before=before, after=want.name))
    if have.name.there:
        text = textfile.changes(have.name, f"{want.name}\n".encode())
        found += [Change(field=f"{NAME} {each.field}", before=each.before, after=each.after) for each in text]
    return tuple(found)


provider = Timezones()
