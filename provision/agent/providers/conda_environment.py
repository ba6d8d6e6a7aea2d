"""Conda environments: brought to their lock in place by our conda program, compared by their records.

`provision.json` says that we began it; what is there besides is read from conda's own records and the program's seal
(`conda_prefix`). Nothing is ever made anew: packages that are right stay, others are fetched first and then changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from provision.agent import conda_lock, conda_prefix, conda_steps, environment_folder, environment_places, pylock
from provision.agent.conda_prefix import Prefix
from provision.agent.host import Account, Reader
from provision.agent.provider import Pending
from provision.agent.steps import RemoveTree, Report, Step, Write
from provision.plan.model import Change, Diff, Status, differs, same
from provision.resources.conda_environment import CondaEnvironment

_SPEED = 20e6
"""Bytes a second that a download is guessed at."""


@dataclass(frozen=True, kw_only=True)
class Have:
    """What is at the environment's path, read from its records without running anything."""

    account: Account | None
    kind: str = ""
    """As `lstat` says; empty for nothing."""
    ours: bool = False
    """Whether we began it: whoever else made it, it is never touched."""
    manager: str = ""
    """Which of our providers made it: `conda`, or `uv` for what another manager left at this path."""
    state: str = ""
    """`begun` or `done`."""
    request: str = ""
    pip_request: str = ""
    lock: str = ""
    pip_lock: str = ""
    prefix: Prefix = field(default_factory=Prefix)
    missing: tuple[str, ...] = ()
    """The directories above it that are not there, outermost first."""
    cache: str = ""
    places: tuple[environment_places.Place, ...] = ()
    """The file systems of prefix and cache; not looked at where nothing is to do."""
    kept: frozenset[str] = frozenset()
    """The packages in the cache, as `Record.stem` has them; likewise."""


class CondaEnvironmentProvider:
    """See `CondaEnvironment`."""

    def observe(self, want: CondaEnvironment, host: Reader) -> Have:
        account = host.accounts().get(want.owner)
        have = Have(
            account=account,
            missing=environment_folder.missing(host, want.path),
            cache=want.cache or environment_places.cache(want.owner, account),
        )
        there = host.lstat(want.path)
        if there is not None:
            have = replace(have, kind=there.kind, ours=there.kind == "directory")
            if there.kind == "directory" and host.listdir(want.path):
                have = _looked_into(want, have, host)
        if (have.kind and not have.ours) or _settled(want, have):
            return have
        places = (environment_places.place(host, want.path), environment_places.place(host, have.cache))
        kept = frozenset(host.listdir(f"{have.cache}/pkgs") or ())
        return replace(have, places=tuple(each for each in places if each), kept=kept)

    def diff(self, want: CondaEnvironment, have: Have, pending: Pending) -> Diff:
        environment_folder.refuse(want, have, pending)
        if _settled(want, have):
            where = "" if want.lock else " on the machine"
            return same(f"matches its lock{where}, {_count(len(have.prefix.packages) + len(have.prefix.added))}")
        environment_places.check(want.name, have.places)
        target = _target(want, have)
        if not target:
            why = f"solved on the machine in apply; {_count(len(want.specs) + len(want.pip), 'wish', 'wishes')}"
            return Diff(status=Status.KNOWN_AFTER_APPLY, why=why, changes=_state(want, have), seconds=90.0)
        wanted = conda_lock.records(target)
        drift = _drift(target, have)
        changed = frozenset(name for name, _, after in drift if after)
        if not have.prefix.sealed:
            changed = frozenset(record.name for record in wanted)
        conda_lock.check_machine(want.name, (each for each in wanted if each.name in changed), dict(want.virtual))
        download, unpack = environment_places.sizes(wanted, changed, have.kept)
        environment_places.check_room(want.name, have.places, download, unpack)
        seconds = 5.0 + 0.1 * len(changed) + download / _SPEED
        changes = (*_state(want, have), *_contents(want, have, target, drift))
        if want.pip and not _pip_target(want, have):
            why = f"{_count(len(want.pip), 'pip package')} solved on the machine in apply"
            status = Status.KNOWN_AFTER_APPLY
            return Diff(status=status, why=why, changes=changes, download_bytes=download or None, seconds=seconds + 60)
        return differs(*changes, download_bytes=download or None, seconds=seconds)

    def steps(self, want: CondaEnvironment, have: Have) -> Iterator[Step]:
        account = have.account
        if account is None or _settled(want, have):
            return
        if have.manager == "uv":
            have = Have(account=account, missing=have.missing, cache=have.cache)
            yield RemoveTree(path=want.path)
        yield from environment_folder.directories(want, have, account, itself=not have.kind)
        if not have.state:  # what is there must be known as ours from the first file on
            yield _note(want, account.group, "begun")
        yield from _conda_part(want, have, account.group)
        if want.pip:
            yield from _pip_part(want, have, account.group)
        yield _note(want, account.group, "done")

    def solve(self, want: CondaEnvironment, have: Have, scratch: str) -> Iterator[Step]:
        """Yield the steps that solve `want` anew into `scratch`, a directory of its owner's, and install nothing."""
        group = have.account.group if have.account else want.owner
        yield from conda_steps.solve(want, have.cache, scratch, group)
        if want.pip:
            yield from conda_steps.solve_pip(want, have.cache, scratch, group)

    def solved(self, want: CondaEnvironment, host: Reader, scratch: str) -> dict[str, str]:
        """Return what `solve` found, by the names of reports."""
        found = {"conda-lock": environment_folder.text(host, f"{scratch}/{conda_steps.LOCK}")}
        return {**found, "lock": environment_folder.text(host, f"{scratch}/{conda_steps.PIP_LOCK}")} if want.pip else found


def _looked_into(want: CondaEnvironment, have: Have, host: Reader) -> Have:
    record = environment_folder.record(host, want.path)
    lock = environment_folder.text(host, f"{want.path}/{conda_steps.LOCK}")
    if not record and conda_lock.header(lock) is None:
        return replace(have, ours=False)
    if record and record.get("manager") != "conda":
        return replace(have, manager="uv")
    return replace(
        have,
        manager="conda",
        state=str(record.get("state", "begun")),
        request=str(record.get("request", "")),
        pip_request=str(record.get("pip_request", "")),
        lock=lock,
        pip_lock=environment_folder.text(host, f"{want.path}/{conda_steps.PIP_LOCK}"),
        prefix=conda_prefix.read(host, want.path),
    )


def _count(number: int, one: str = "package", more: str = "") -> str:
    return f"{number} {one if number == 1 else more or f'{one}s'}"


def _target(want: CondaEnvironment, have: Have) -> str:
    """Return the lock to reach: the controller's, else the machine's own when it was solved for this request."""
    if want.lock:
        return want.lock
    said = conda_lock.header(have.lock)
    if said is None:
        return have.lock if have.state == "done" and have.request == want.request else ""
    return have.lock if (said.request, said.platform) == (want.request, want.subdir) else ""


def _pip_target(want: CondaEnvironment, have: Have) -> str:
    """Return the pip packages' lock likewise; none while it is open what they are solved on top of."""
    if want.pip_lock or not want.pip or not _target(want, have):
        return want.pip_lock if want.pip else ""
    said = pylock.header(have.pip_lock)
    if said is None:
        return have.pip_lock if have.state == "done" and have.pip_request == want.pip_request else ""
    return have.pip_lock if said.request == want.pip_request else ""


def _settled(want: CondaEnvironment, have: Have) -> bool:
    """Return whether nothing is to do."""
    target = _target(want, have)
    return bool(target) and not _state(want, have) and not _contents(want, have, target, _drift(target, have))


def _drift(target: str, have: Have) -> tuple[tuple[str, str, str], ...]:
    prefix = have.prefix
    if prefix.intact and prefix.lock == conda_lock.digest(target) and not prefix.damaged:
        return ()
    return conda_prefix.drift(conda_lock.records(target), prefix)


def _state(want: CondaEnvironment, have: Have) -> tuple[Change, ...]:
    if have.manager == "uv":
        return (Change(field="environment", before="made by uv", after="made anew"),)
    if not have.state and not have.prefix.packages:
        return (Change(field="environment", before="absent", after=want.path),)
    if have.state != "done" or (have.prefix.packages and not have.prefix.sealed):
        return (Change(field="environment", before="half-made", after="complete"),)
    if have.request != want.request:
        return (Change(field="packages", before="others", after=" ".join(want.specs)),)
    if want.uv and have.pip_request != want.pip_request:
        return (Change(field="pip packages", before="others" if have.pip_lock else "none", after=" ".join(want.pip) or "none"),)
    return ()


def _contents(want: CondaEnvironment, have: Have, target: str, drift: tuple[tuple[str, str, str], ...]) -> tuple[Change, ...]:
    if not have.prefix.packages and not have.prefix.damaged:
        changes = [Change(field="packages", before="none", after=f"{len(drift)} from the lock")]
    else:
        changes = [Change(field=name, before=before or "absent", after=after or "absent") for name, before, after in drift]
    changes += [
        Change(field=f"{name} (pip)", before=before or "absent", after=after or "absent")
        for name, before, after in _pip(want, have)
    ]
    if not changes and (have.lock != target or (want.pip and have.pip_lock != _pip_target(want, have))):
        return (Change(field="lock", before="another", after="the profile's"),)
    return tuple(changes)


def _pip(want: CondaEnvironment, have: Have) -> tuple[tuple[str, str, str], ...]:
    return pylock.drift(_pip_target(want, have), dict(have.prefix.added)) if want.uv else ()


def _conda_part(want: CondaEnvironment, have: Have, group: str) -> Iterator[Step]:
    target = _target(want, have)
    if not target:
        yield from conda_steps.solve(want, have.cache, want.path, group, prefer=have.lock)
    elif have.lock != target:
        yield conda_steps.write(want, group, conda_steps.LOCK, target)
    if have.state:
        yield _note(want, group, "begun")
    yield from conda_steps.uninstall(want, _superfluous(want, have, target))
    yield from conda_steps.install(want, have.cache, group, have.prefix.damaged)
    if not want.lock:
        yield Report(name="conda-lock", subject=want.name, path=f"{want.path}/{conda_steps.LOCK}")


def _pip_part(want: CondaEnvironment, have: Have, group: str) -> Iterator[Step]:
    target = _pip_target(want, have)
    if not target:
        yield from conda_steps.solve_pip(want, have.cache, want.path, group)
    elif have.pip_lock != target:
        yield conda_steps.write(want, group, conda_steps.PIP_LOCK, target)
    yield from conda_steps.install_pip(want)
    if not want.pip_lock:
        yield Report(name="lock", subject=want.name, path=f"{want.path}/{conda_steps.PIP_LOCK}")


def _superfluous(want: CondaEnvironment, have: Have, target: str) -> tuple[str, ...]:
    """Return the distributions to take away before conda's packages change: later, files of two would have one name."""
    if not want.uv or not have.prefix.python or "python" in have.prefix.damaged:
        return ()
    pythons = [record.version for record in conda_lock.records(target) if record.name == "python"] if target else []
    stays = bool(pythons) and f"{pythons[0]}.".startswith(f"{have.prefix.python}.")
    if have.state != "done" or not _pip_target(want, have) or not stays:
        return tuple(name for name, _ in have.prefix.added)
    return tuple(name for name, before, after in _pip(want, have) if before and not after)


def _note(want: CondaEnvironment, group: str, state: str) -> Step:
    said = {"schema": environment_folder.SCHEMA, "manager": "conda", "state": state, "name": want.name}
    text = json.dumps({**said, "request": want.request, "pip_request": want.pip_request})
    return Write(path=f"{want.path}/provision.json", content=f"{text}\n".encode(), mode=0o644, owner=want.owner, group=group)


provider = CondaEnvironmentProvider()
