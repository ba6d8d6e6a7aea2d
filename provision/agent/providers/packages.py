"""Distribution packages: seen in dpkg's status, changed in one apt transaction for all that stand side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from provision.agent import apt
from provision.agent.apt import Simulation
from provision.agent.host import Deb, Reader
from provision.agent.provider import NOTHING_PENDING, Pending
from provision.agent.steps import Run, Step
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, Status, same
from provision.resources.packages import Packages

_GONE = {"not-installed", "config-files"}
_UNFINISHED = {"half-configured", "half-installed", "unpacked", "triggers-awaited", "triggers-pending"}
_BYTES_A_SECOND, _SECONDS_A_PACKAGE = 10_000_000, 0.7


@dataclass(frozen=True, kw_only=True)
class Observed:
    """`debs` are the named packages dpkg knows, and those to be replaced; the rest is looked at only where something is to do.

    `unfinished` are packages of any name that dpkg did not finish; `index_age` in seconds, `None` for unknown.
    """

    debs: tuple[tuple[str, Deb], ...]
    unfinished: tuple[str, ...] = ()
    index_age: int | None = None
    now_ns: int = 0
    simulation: Simulation = field(default_factory=Simulation)

    def status(self, name: str) -> str:
        """Return dpkg's word for the state of the package `name`, `absent` where it is not there."""
        deb = dict(self.debs).get(name)
        return "absent" if deb is None or deb.status in _GONE else deb.status

    def held(self, name: str) -> bool:
        """Whether the package `name` is kept from changes."""
        deb = dict(self.debs).get(name)
        return deb is not None and deb.held

    def stale(self, want: Packages) -> bool:
        """Whether the index is older than `want` accepts."""
        return self.index_age is None or self.index_age > want.max_index_age


def _find(name: str, debs: dict[str, Deb]) -> Deb | None:
    deb = debs.get(name)
    if deb is None and ":" in name:
        plain, _, architecture = name.partition(":")
        deb = debs.get(plain)
        return deb if deb is not None and deb.architecture == architecture else None
    return deb


def _todo(want: Packages, have: Observed) -> tuple[str, ...]:
    """Return the names apt has to deal with."""
    right = "absent" if want.absent else "installed"
    return tuple(name for name in want.names if have.status(name) != right)


def _going(want: Packages, have: Observed) -> tuple[str, ...]:
    """Return the packages to be replaced that are still there."""
    return tuple(name for name in want.replaces if have.status(name) != "absent")


def _wanted(want: Packages, have: Observed) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what apt is to install, and what it is to remove."""
    todo = _todo(want, have)
    return ((), todo) if want.absent else (todo, _going(want, have))


def _holds(want: Packages, have: Observed) -> tuple[str, ...]:
    """Return the names to hold once apt is done: those wanted so and not yet, and those a hold was lifted from."""
    if want.absent:
        return ()
    lifted = {name for name in _todo(want, have) if have.held(name)}
    return tuple(name for name in want.names if name in lifted or (want.hold and not have.held(name)))


class DebianPackages:
    """An old index is never a change by itself: it is fetched only where something is to be installed."""

    def observe(self, want: Packages, host: Reader) -> Observed:
        known = dict(host.debs())
        pairs = ((name, _find(name, known)) for name in (*want.names, *want.replaces))
        have = Observed(debs=tuple((name, deb) for name, deb in pairs if deb is not None))
        install, remove = _wanted(want, have)
        changing = (*install, *remove)
        if not changing:
            return have
        words = (*install, *(f"{name}-" for name in remove))
        argv = apt.simulation_argv(words, recommends=want.recommends, held=any(have.held(name) for name in changing))
        return Observed(
            debs=have.debs,
            unfinished=tuple(sorted(name for name, deb in known.items() if deb.status in _UNFINISHED)),
            index_age=apt.index_age(host),
            now_ns=host.now_ns(),
            simulation=apt.parse_simulation(host.query(argv)),
        )

    def diff(self, want: Packages, have: Observed, pending: Pending) -> Diff:
        todo, going, holds = _todo(want, have), _going(want, have), _holds(want, have)
        if not todo and not going and not holds:
            return same(_why(want, have))
        later = _later(want, have, pending) if todo or going else ""
        if not later:
            _check(want, have, pending)
        versions = have.simulation.versions if not have.stale(want) else {}
        changes = [_change(name, want, have, versions) for name in todo]
        changes += [Change(field=name, before=have.status(name), after="absent") for name in going]
        changes += [Change(field=name, before="not held", after="held") for name in holds if not have.held(name)]
        return Diff(
            status=Status.KNOWN_AFTER_APPLY if later else Status.CHANGE,
            why=later or _because(want, have, todo),
            changes=tuple(changes),
            text=_text(have.simulation),
            download_bytes=have.simulation.download_bytes or None,
            seconds=_seconds(have.simulation) if todo or going else 1.0,
        )

    def steps(self, want: Packages, have: Observed) -> Iterator[Step]:
        yield from self.batch_steps([(want, have)])

    def batch_steps(self, pairs: Sequence[tuple[Packages, Observed]]) -> Iterator[Step]:
        group: list[tuple[Packages, Observed]] = []
        for want, have in pairs:
            if any(want.recommends != other.recommends for other, _ in group if not other.absent and not want.absent):
                yield from _transaction(group)
                group = []
            group.append((want, have))
        yield from _transaction(group)


def _why(want: Packages, have: Observed) -> str:
    if want.absent:
        return "not installed"
    return "installed and held" if all(have.held(name) for name in want.names) else "installed"


def _because(want: Packages, have: Observed, todo: tuple[str, ...]) -> str:
    unfinished = [name for name in todo if have.status(name) in _UNFINISHED]
    if unfinished:
        return f"dpkg was interrupted: {', '.join(unfinished)} will be finished first"
    return "the package lists are fetched first: versions may be newer" if todo and not want.absent and have.stale(want) else ""


def _later(want: Packages, have: Observed, pending: Pending) -> str:
    """Return why what apt says now may not be what it will say then, where it says that it cannot."""
    found = have.simulation
    if not (found.missing or found.error or _unnamed(want, have)):
        return ""
    problem = f"no candidate for {', '.join(found.missing)}" if found.missing else "apt cannot say yet"
    if have.unfinished:
        return f"{problem}; dpkg was interrupted, and is finished first"
    if any(pending.kind(kind) for kind in ("apt_source", "apt_components", "apt_pin")):
        return f"{problem}; a source that is still to be added may have one"
    return "versions and sizes are known once the package lists are fetched: they are old or missing" if have.stale(want) else ""


def _unnamed(want: Packages, have: Observed) -> list[str]:
    """Return the names that would still not be installed once apt did what it says."""
    if want.absent or have.simulation.error or have.simulation.missing:
        return []
    versions = have.simulation.versions
    todo = (name for name in _todo(want, have) if have.status(name) == "absent")
    return [name for name in todo if name not in versions and name.partition(":")[0] not in versions]


def _check(want: Packages, have: Observed, pending: Pending) -> None:
    """Raise `ProvisionError` for what apt will refuse, or would do unasked."""
    found = have.simulation
    if found.missing:
        raise ProvisionError(
            f"no apt source has the package `{found.missing[0]}`",
            hint=f"`apt-cache policy {found.missing[0]}` shows what apt knows",
            evidence="\n".join(found.missing[1:]),
        )
    if found.error:
        verb = "remove" if want.absent else "install"
        raise ProvisionError(f"apt cannot {verb} {', '.join(_todo(want, have) or want.names)}", evidence=found.error)
    if unnamed := _unnamed(want, have):
        raise ProvisionError(
            f"`{unnamed[0]}` is a virtual package: apt takes another in its place",
            hint=f"`apt-cache showpkg {unnamed[0]}` lists those that provide it; name one of them",
            evidence=_text(found),
        )
    removed = [name for name, _ in found.removes if not want.absent and name not in want.replaces]
    unasked = [name for name in removed if not pending.has(f"package:{name}")]
    # While applying, removals that are asked for side by side are not pending; `_transaction` sees them all.
    if unasked and pending is not NOTHING_PENDING:
        _refuse(unasked)


def _refuse(names: list[str]) -> None:
    raise ProvisionError(
        f"apt would have to remove {', '.join(names)}, which nobody asked for",
        hint=f"`sudo apt-get remove {' '.join(names)}` if you do not need them",
    )


def _change(name: str, want: Packages, have: Observed, versions: dict[str, str]) -> Change:
    if want.absent:
        return Change(field=name, before=have.status(name), after="absent")
    if name in have.simulation.missing:
        return Change(field=name, before=have.status(name), after="no candidate")
    return Change(field=name, before=have.status(name), after=versions.get(name, "installed"))


def _text(found: Simulation) -> str:
    lines = [f"+ {name} {version}" for name, version in found.installs]
    lines += [f"~ {name} {version}" for name, version in found.upgrades]
    lines += [f"- {name} {version}" for name, version in found.removes]
    return "\n".join(lines)


def _seconds(found: Simulation) -> float:
    packages = len(found.installs) + len(found.upgrades) + len(found.removes)
    return round(2 + packages * _SECONDS_A_PACKAGE + found.download_bytes / _BYTES_A_SECOND, 1)


def _transaction(pairs: Sequence[tuple[Packages, Observed]]) -> Iterator[Step]:
    """Yield the one transaction that does all of `pairs`, whose `recommends` are equal; nothing when nothing is to do."""
    todo = [(want, have, _wanted(want, have)) for want, have in pairs]
    install = _unique(name for _, _, (names, _) in todo for name in names)
    remove = _unique(name for _, _, (_, names) in todo for name in names)
    if install or remove:
        unasked = {name for want, have, _ in todo if not want.absent for name, _ in have.simulation.removes} - set(remove)
        if unasked:
            _refuse(sorted(unasked))
        yield from _prepare([(want, have, _todo(want, have)) for want, have in pairs])
        lift = _unique(name for _, have, names in todo for name in sum(names, ()) if have.held(name))
        if lift:
            yield Run(argv=("apt-mark", "unhold", *lift), says="lifting holds", environment=apt.ENVIRONMENT)
        yield _apt_get(install, remove, recommends=all(want.recommends for want, _, _ in todo if not want.absent))
    hold = _unique(name for want, have in pairs for name in _holds(want, have))
    if hold:
        yield Run(argv=("apt-mark", "hold", *hold), says="holding packages", environment=apt.ENVIRONMENT)


def _prepare(todo: Sequence[tuple[Packages, Observed, tuple[str, ...]]]) -> Iterator[Step]:
    answers = _unique(" ".join(answer) for want, _, names in todo if names and not want.absent for answer in want.answers)
    if answers:
        yield Run(
            argv=("debconf-set-selections",),
            stdin="".join(f"{line}\n" for line in answers),
            says="answering package questions",
            environment=apt.ENVIRONMENT,
        )
    if any(have.unfinished for _, have, _ in todo):
        yield Run(
            argv=("dpkg", *apt.CONFFILES, "--configure", "-a"),
            says="finishing what dpkg left",
            environment=apt.ENVIRONMENT,
            # A package that cannot be configured may be the one to remove; where it matters apt says so again.
            accept=(0, 1),
        )
    stale = [have for want, have, names in todo if not want.absent and _new(names, have) and have.stale(want)]
    if stale:
        yield from apt.update(stale[0].now_ns)


def _new(names: tuple[str, ...], have: Observed) -> bool:
    return any(have.status(name) == "absent" for name in names)


def _apt_get(install: tuple[str, ...], remove: tuple[str, ...], *, recommends: bool) -> Run:
    options = (*apt.OPTIONS, *(() if recommends else ("--no-install-recommends",)), *(() if remove else ("--no-remove",)))
    words = [f"{verb} {' '.join(names)}" for verb, names in (("installing", install), ("removing", remove)) if names]
    return Run(
        argv=("apt-get", "install", *install, *(f"{name}-" for name in remove), *options),
        says=" and ".join(words),
        environment=apt.ENVIRONMENT,
        progress="apt",
        timeout=7200,
    )


def _unique(words: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


provider = DebianPackages()
