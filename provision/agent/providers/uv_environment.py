"""Python environments: made in place by uv, begun and completed by a record of our own, compared by their lock.

A venv holds absolute paths, so it cannot be made aside and renamed. `provision.json` says "begun" before the first
change and "done" after the last one. What was begun and not done is made anew, from uv's cache and with the lock it had:
a package whose record is there may still lack files (and `uv pip sync --reinstall` would download all of it again).
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from provision.agent import environment_folder, environment_places, pylock, uv_request
from provision.agent.host import Account, Reader
from provision.agent.provider import Pending
from provision.agent.steps import RemoveTree, Report, Run, Step, Write
from provision.plan.model import Change, Diff, Status, differs, same
from provision.resources.uv_environment import UvEnvironment

SYSTEM_PYTHON = "/usr/bin/python3"
_HOURS = 3600


@dataclass(frozen=True, kw_only=True)
class Have:
    """What is at the environment's path, read from its records without running anything."""

    account: Account | None
    kind: str = ""
    """As `lstat` says; empty for nothing."""
    ours: bool = False
    """Whether we began it: whoever else made it, it is never touched."""
    state: str = ""
    """`begun` or `done`."""
    request: str = ""
    python: str = ""
    """The full version it was made with, empty while there is no venv."""
    broken: str = ""
    """Why its interpreter is of no use."""
    system: str = ""
    """The machine's own Python, such as `3.11`."""
    lock: str = ""
    installed: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    """The directories above it that are not there, outermost first."""
    place: environment_places.Place | None = None
    """The file system of its path; looked at only where there is nothing yet."""


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _system(host: Reader) -> str:
    there = host.lstat(SYSTEM_PYTHON)
    target = host.readlink(SYSTEM_PYTHON) if there is not None and there.kind == "link" else ""
    return posixpath.basename(target or "").removeprefix("python")


def _broken(want: UvEnvironment, version: str, interpreter: str, system: str) -> str:
    if not interpreter:
        return f"its Python {version} is gone"
    found = re.fullmatch(r"python(3\.[0-9]+)", posixpath.basename(interpreter))
    if found and found[1] != _minor(version):
        return f"made for Python {_minor(version)}, the machine now has {found[1]}"
    wanted = want.python or system
    if wanted and not f"{version}.".startswith(f"{wanted}."):
        return f"made with Python {version}, wanted {wanted}"
    return ""


class UvEnvironmentProvider:
    """See `UvEnvironment`."""

    def observe(self, want: UvEnvironment, host: Reader) -> Have:
        account = host.accounts().get(want.owner)
        there = host.lstat(want.path)
        if there is None:
            place = environment_places.place(host, want.path)
            return Have(account=account, system=_system(host), missing=environment_folder.missing(host, want.path), place=place)
        names = host.listdir(want.path) if there.kind == "directory" else ()
        if not names:
            own, place = there.kind == "directory", environment_places.place(host, want.path)
            return Have(account=account, kind=there.kind, ours=own, system=_system(host), place=place)
        record, lock = environment_folder.record(host, want.path), environment_folder.text(host, f"{want.path}/provision.lock")
        configuration = environment_folder.text(host, f"{want.path}/pyvenv.cfg")
        found = re.search(r"^version_info = (3\.[0-9]+\.[0-9]+)", configuration, re.MULTILINE)
        version = found[1] if found else ""
        system = _system(host)
        broken = _broken(want, version, environment_folder.program(host, f"{want.path}/bin/python"), system) if version else ""
        packages = host.listdir(f"{want.path}/lib/python{_minor(version)}/site-packages") if version else ()
        return Have(
            account=account,
            kind=there.kind,
            ours=bool(record) or pylock.header(lock) is not None,
            state=str(record.get("state", "begun")),
            request=str(record.get("request", "")),
            python=version,
            broken="made by conda" if record.get("manager") == "conda" else broken,
            system=system,
            lock=lock,
            installed=tuple(sorted(pylock.installed(packages or ()).items())),
        )

    def diff(self, want: UvEnvironment, have: Have, pending: Pending) -> Diff:
        environment_folder.refuse(want, have, pending)
        environment_places.check(want.name, (have.place,) if have.place else ())
        target = _target(want, have)
        if not target:
            count = len(want.requirements)
            why = f"solved on the machine in apply; {count} requirement{'' if count == 1 else 's'}"
            return Diff(status=Status.KNOWN_AFTER_APPLY, why=why, changes=_state(want, have), seconds=60.0)
        changes = (*_state(want, have), *_contents(target, have))
        if not changes:
            where = "" if want.lock else " on the machine"
            return same(f"matches its lock{where}, {len(have.installed)} packages")
        return differs(*changes, seconds=5.0 + 0.2 * len(pylock.pins(target)))

    def steps(self, want: UvEnvironment, have: Have) -> Iterator[Step]:
        target = _target(want, have)
        if have.account is None or (target and not _state(want, have) and not _contents(target, have)):
            return
        anew = bool(have.broken or (have.python and have.state != "done"))
        if anew:
            yield RemoveTree(path=want.path)
        yield from environment_folder.directories(want, have, have.account, itself=anew or not have.kind)
        yield _note(want, have.account, "begun")
        settings = _settings(want)
        if anew or not have.python:
            argv = (want.program, "venv", "--allow-existing", "--prompt", want.name, *_python(want, have), want.path)
            yield Run(
                argv=argv, says="making the environment", user=want.owner, environment=settings, timeout=_HOURS, progress="uv"
            )
        lock = f"{want.path}/provision.lock"
        if not target:
            yield from _solve(want, have, have.account, want.path, ("--python", f"{want.path}/bin/python"))
        elif anew or have.lock != target:
            yield Write(path=lock, content=target.encode(), mode=0o644, owner=want.owner, group=have.account.group)
        yield from _install(want, lock)
        if not want.lock:
            yield Report(name="lock", subject=want.name, path=lock)
        yield _note(want, have.account, "done")

    def solve(self, want: UvEnvironment, have: Have, scratch: str) -> Iterator[Step]:
        if have.account is None:
            return
        if have.python and not have.broken:
            python: tuple[str, ...] = ("--python", f"{want.path}/bin/python")
        elif want.python in {"", have.system}:
            python = ("--python", SYSTEM_PYTHON)
        else:  # which is not here yet, and is not brought for a question
            python = ("--python", SYSTEM_PYTHON, "--python-version", want.python)
        yield from _solve(want, have, have.account, scratch, python)

    def solved(self, want: UvEnvironment, host: Reader, scratch: str) -> dict[str, str]:  # noqa: ARG002 - the contract's signature
        return {"lock": environment_folder.text(host, f"{scratch}/provision.lock")}


def _target(want: UvEnvironment, have: Have) -> str:
    """Return the lock to reach: the controller's, else the machine's own when it was solved for this request."""
    if want.lock or have.broken:
        return want.lock
    said = pylock.header(have.lock)
    if said is None:
        return have.lock if have.state == "done" and have.request == want.request else ""
    fits = said.python in {"3", _minor(have.python or want.python or have.system)}
    return have.lock if fits and said.request == want.request else ""


def _state(want: UvEnvironment, have: Have) -> tuple[Change, ...]:
    if not have.python and not have.state:
        return (Change(field="environment", before="absent", after=want.path),)
    if have.broken:
        return (Change(field="environment", before=have.broken, after="made anew"),)
    if have.state != "done" or not have.python:
        return (Change(field="environment", before="half-made", after="complete"),)
    if have.request != want.request:
        return (Change(field="requirements", before="others", after=" ".join(want.requirements)),)
    return ()


def _contents(target: str, have: Have) -> tuple[Change, ...]:
    if not have.installed or have.broken:
        count = len(pylock.pins(target))
        return (Change(field="packages", before="none", after=f"{count} from the lock"),) if count else ()
    changes = tuple(
        Change(field=name, before=before or "absent", after=after or "absent")
        for name, before, after in pylock.drift(target, dict(have.installed))
    )
    return changes or ((Change(field="lock", before="another", after="the profile's"),) if have.lock != target else ())


def _note(want: UvEnvironment, account: Account, state: str) -> Step:
    text = json.dumps({"schema": environment_folder.SCHEMA, "state": state, "name": want.name, "request": want.request})
    return Write(
        path=f"{want.path}/provision.json", content=f"{text}\n".encode(), mode=0o644, owner=want.owner, group=account.group
    )


def _python(want: UvEnvironment, have: Have) -> tuple[str, ...]:
    if want.python in {"", have.system}:
        return ("--python", SYSTEM_PYTHON)
    return ("--managed-python", "--python", want.python)


def _settings(want: UvEnvironment) -> tuple[tuple[str, str], ...]:
    own = [("UV_PYTHON_DOWNLOADS", "automatic" if want.python else "never")]
    if want.owner == "root":
        # Root's home is closed to the users of the environment.
        own.append(("UV_PYTHON_INSTALL_DIR", "/opt/provision/python"))
    return (*own, *want.settings)


def _install(want: UvEnvironment, lock: str) -> Iterator[Step]:
    python = ("--python", f"{want.path}/bin/python")
    argv = (want.program, "pip", "sync", *python, "--require-hashes", lock)
    sync = Run(argv=argv, says="installing", user=want.owner, environment=_settings(want), timeout=4 * _HOURS, progress="uv")
    yield from uv_request.fetching(replace(sync, argv=(want.program, "pip", "install", *python)), lock, want.indexes)
    yield sync


def _solve(want: UvEnvironment, have: Have, account: Account, folder: str, python: tuple[str, ...]) -> Iterator[Step]:
    """Yield the steps that leave a lock in `folder`; `python` tells uv for which Python."""
    said = pylock.Header(request=want.request, python=_minor(want.python or have.system) or "3")
    compiling = (want.program, "pip", "compile", *python, "--generate-hashes", "--no-annotate")
    asking = Run(
        argv=(*compiling, "--quiet", "--custom-compile-command", str(said), "--output-file", f"{folder}/provision.lock"),
        says=f"solving {len(want.requirements)} requirements",
        user=want.owner,
        environment=_settings(want),
        progress="uv",
    )
    yield from uv_request.solving(
        asking,
        want.requirements,
        indexes=want.indexes,
        constraints=want.constraints,
        folder=folder,
        group=account.group,
    )


provider = UvEnvironmentProvider()
