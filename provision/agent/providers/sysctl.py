"""A kernel parameter, in a drop-in and in the running kernel."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent import textfile
from provision.agent.host import Reader
from provision.agent.provider import Pending
from provision.agent.steps import Run, Step
from provision.agent.textfile import TextFile
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, differs, same
from provision.resources.sysctl import Sysctl

_FOLDERS = ("/usr/lib/sysctl.d", "/run/sysctl.d", "/etc/sysctl.d")
"""In growing order of precedence between files of the same name; all are read in the order of their names."""
PROGRAM = "/usr/lib/systemd/systemd-sysctl"
"""Part of systemd, where `sysctl` is in a package that a minimal machine lacks."""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The drop-in; the running value (`None`: no such parameter); (file, value) of one that is read after ours and wins."""

    file: TextFile
    running: str | None
    later: tuple[str, str] | None = None


def proc(name: str) -> str:
    """Return the path under `/proc/sys`; as sysctl.d(5) has it, the first separator tells which one separates."""
    first = next((char for char in name if char in "./"), ".")
    return "/proc/sys/" + (name if first == "/" else name.translate({ord("."): "/", ord("/"): "."}))


class Sysctls:
    """Values are compared with runs of blanks as one, as the kernel prints tabs where people type spaces."""

    def observe(self, want: Sysctl, host: Reader) -> Observed:
        running = host.read(proc(want.name))
        return Observed(
            file=textfile.observe(want.path, host),
            running=None if running is None else _plain(running.decode(errors="replace")),
            later=None if want.absent else _later(want, host),
        )

    def diff(self, want: Sysctl, have: Observed, _pending: Pending) -> Diff:
        if not want.absent and have.running is None:
            raise ProvisionError(f"this kernel has no parameter `{want.name}`", hint=f"`ls {posixpath.dirname(proc(want.name))}`")
        if have.later is not None and _plain(have.later[1]) != _plain(want.value):
            raise ProvisionError(
                f"`{have.later[0]}` sets {want.name} to {have.later[1]} at every boot, after our file", hint="remove it there"
            )
        changes = _changes(want, have)
        if changes:
            return differs(*changes, text=textfile.text(have.file, _content(want)))
        return same("not set by us" if want.absent else f"{want.value} now and after a boot")

    def steps(self, want: Sysctl, have: Observed) -> Iterator[Step]:
        yield from textfile.steps(have.file, _content(want))
        if not want.absent and have.running != _plain(want.value):
            yield Run(argv=(PROGRAM, want.path), says=f"setting {want.name}", timeout=60)


def _plain(value: str) -> str:
    return " ".join(value.split())


def _content(want: Sysctl) -> bytes | None:
    return None if want.absent else f"{want.name} = {want.value}\n".encode()


def _changes(want: Sysctl, have: Observed) -> tuple[Change, ...]:
    found = textfile.changes(have.file, _content(want))
    if want.absent or have.running == _plain(want.value):
        return found
    return (*found, Change(field="running value", before=have.running or "", after=_plain(want.value)))


def _later(want: Sysctl, host: Reader) -> tuple[str, str] | None:
    """Return the file and the value of the last setting of the same parameter that is read after our file."""
    ours, found = posixpath.basename(want.path), None
    files = {name: f"{folder}/{name}" for folder in _FOLDERS for name in host.listdir(folder) or () if name.endswith(".conf")}
    for name in sorted(name for name in files if name > ours):
        for key, value in _settings(files[name], host):
            if proc(key) == proc(want.name):
                found = (files[name], value)
    return found


def _settings(path: str, host: Reader) -> Iterator[tuple[str, str]]:
    stat = host.lstat(path)
    if stat is not None and stat.kind == "link":  # Debian 12 links 99-sysctl.conf to ../sysctl.conf
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), host.readlink(path) or ""))
        stat = host.lstat(path)
    content = host.read(path) if stat is not None and stat.kind == "file" else None
    for line in (content or b"").decode(errors="replace").split("\n"):
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith(("#", ";")):
            yield key.strip().removeprefix("-").strip(), value.strip()


provider = Sysctls()
