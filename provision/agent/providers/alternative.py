"""Alternatives, as dpkg keeps them: which path a common name leads to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent.host import Reader
from provision.agent.place import Place, locate
from provision.agent.provider import Pending
from provision.agent.steps import Run, Step
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, Status, differs, same
from provision.resources.alternative import Alternative

RECORDS, LINKS = "/var/lib/dpkg/alternatives", "/etc/alternatives"


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What is at the link, where the name leads (empty: nowhere), and what is registered for it.

    `master` is the link that dpkg has on record, empty where it does not know the name.
    """

    link: Place
    leads: str
    master: str = ""
    registered: tuple[str, ...] = ()
    there: bool = False
    """Whether something is at the wanted path."""


def parse(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the link and the registered paths of a record of dpkg's."""
    lines = iter(text.split("\n")[1:])  # the first line says `auto` or `manual`
    master, slaves, paths = next(lines, ""), 0, []
    while next(lines, ""):
        next(lines, "")
        slaves += 1
    while path := next(lines, ""):
        paths.append(path)
        for _ in range(1 + slaves):  # the priority, then a path for each slave
            next(lines, "")
    return master, tuple(paths)


class Alternatives:
    """Only what a package registered can be chosen; a link that a person put in its place is taken back."""

    def observe(self, want: Alternative, host: Reader) -> Observed:
        at = f"{LINKS}/{want.name}"
        stat, record = host.lstat(at), host.read(f"{RECORDS}/{want.name}")
        master, registered = parse((record or b"").decode(errors="replace"))
        return Observed(
            link=locate(want.link, "root", "root", host),
            leads=(host.readlink(at) or "") if stat is not None and stat.kind == "link" else "",
            master=master,
            registered=registered,
            there=host.lstat(want.path) is not None,
        )

    def diff(self, want: Alternative, have: Observed, pending: Pending) -> Diff:
        changes = _changes(want, have)
        if have.link.kind not in {"absent", "link"}:
            raise ProvisionError(
                f"`{want.link}` is a {have.link.says}, where the link of the alternative `{want.name}` belongs",
                hint=f"look at it with `ls -ld {want.link}` and move it away, then apply again",
            )
        if want.path not in have.registered or not have.there:
            if pending.kind("packages") or pending.has(f"path:{want.path}"):
                return Diff(status=Status.KNOWN_AFTER_APPLY, why="comes with the packages that are still to be installed")
            raise _unknown(want, have)
        if have.master != want.link:
            raise ProvisionError(
                f"the alternative `{want.name}` belongs to `{have.master}`, not to `{want.link}`",
                hint=f"`update-alternatives --display {want.name}`",
            )
        return differs(*changes, seconds=1) if changes else same(f"{want.link} leads to {want.path}")

    def steps(self, want: Alternative, have: Observed) -> Iterator[Step]:
        if _changes(want, have):
            argv = ("update-alternatives", "--set", want.name, want.path)
            yield Run(argv=argv, says=f"choosing {want.path} as {want.name}", timeout=120)


def _changes(want: Alternative, have: Observed) -> tuple[Change, ...]:
    found = []
    if have.leads != want.path:
        found.append(Change(field="alternative", before=have.leads or "absent", after=want.path))
    if have.link.target != f"{LINKS}/{want.name}":
        before = have.link.target if have.link.kind == "link" else have.link.says
        found.append(Change(field="link", before=before, after=f"{LINKS}/{want.name}"))
    return tuple(found)


def _unknown(want: Alternative, have: Observed) -> ProvisionError:
    if want.path in have.registered:
        return ProvisionError(
            f"`{want.path}` is registered as an alternative for `{want.name}`, and is not there",
            hint=f"`update-alternatives --remove {want.name} {want.path}`, or install again what brought it",
        )
    return ProvisionError(
        f"`{want.path}` is not registered as an alternative for `{want.name}`",
        hint=f"`update-alternatives --display {want.name}` lists those that are",
        evidence="\n".join(have.registered),
    )


provider = Alternatives()
