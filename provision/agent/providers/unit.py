"""A unit file or a drop-in, and a manager that has read it.

The text is checked here rather than by `systemd-analyze verify`: that fails for programs and units that are installed later
in the same run, knows `--recursive-errors=no` only since 250 (Ubuntu 22.04 has 249), and passes lines without `=`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provision.agent import textfile
from provision.agent.host import Reader, UnitState
from provision.agent.provider import Pending
from provision.agent.steps import Remove, Run, Step
from provision.agent.textfile import TextFile
from provision.errors import InputError
from provision.plan.model import Change, Diff, differs, same
from provision.resources.unit import Unit

RELOAD = Run(argv=("systemctl", "daemon-reload"), says="telling systemd", timeout=120)
_SECTIONS = {"service": "Service", "socket": "Socket", "timer": "Timer", "mount": "Mount", "path": "Path", "slice": "Slice"}
_RUNNING = "/run/systemd/system"
"""There exactly where systemd is PID 1, sd_booted(3)."""
_SETTING = re.compile(r"[A-Za-z][A-Za-z0-9-]*\s*=")


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The file, and what systemd says of the unit: `None` for a template, which has no state, and where it does not run.

    `alone` says that the folder of drop-ins would be left empty.
    """

    file: TextFile
    state: UnitState | None
    alone: bool = False


class Units:
    """Also reloads systemd where it has not read what is there already, as after a run that was killed in between."""

    def observe(self, want: Unit, host: Reader) -> Observed:
        names = host.listdir(posixpath.dirname(want.path)) if want.dropin and want.absent else None
        return Observed(
            file=textfile.observe(want.path, host),
            state=None if "@." in want.name or host.lstat(_RUNNING) is None else host.unit(want.name),
            alone=names == (posixpath.basename(want.path),),
        )

    def diff(self, want: Unit, have: Observed, _pending: Pending) -> Diff:
        check(want)
        changes = (*textfile.changes(have.file, _content(want)), *_unread(want, have))
        if changes:
            return differs(*changes, text=textfile.text(have.file, _content(want)))
        read = ", and systemd has read it" if have.state is not None else ""
        return same(f"{want.path} is absent" if want.absent else f"{want.path} says so{read}")

    def steps(self, want: Unit, have: Observed) -> Iterator[Step]:
        yield from self.batch_steps([(want, have)])

    def batch_steps(self, pairs: Sequence[tuple[Unit, Observed]]) -> Iterator[Step]:
        reload = False
        for want, have in pairs:
            found = tuple(textfile.steps(have.file, _content(want)))
            yield from found
            if found and have.alone:
                yield Remove(path=posixpath.dirname(want.path))
            reload = reload or bool(found) or bool(_unread(want, have))
        if reload:
            yield RELOAD


def _content(want: Unit) -> bytes | None:
    return None if want.absent else want.content.encode()


def _unread(want: Unit, have: Observed) -> tuple[Change, ...]:
    if have.state is None:
        return ()
    unknown = have.state.load == "not-found" and have.file.there and not want.dropin and not want.absent
    return (Change(field="systemd", before="has not read it", after="reloaded"),) if have.state.needs_reload or unknown else ()


def check(want: Unit) -> None:
    """Raise `InputError` for a line that systemd would ignore, and a section that a unit of this type cannot have."""
    suffix = want.name.rpartition(".")[2]
    allowed = {"Unit", "Install", _SECTIONS.get(suffix, "Unit")}
    section, continued = "", False
    for number, line in enumerate(want.content.split("\n"), start=1):
        text = line.strip()
        if continued and not text.startswith(("#", ";")):
            continued = text.endswith("\\")
        elif text.startswith("["):
            section = _section(want, number, text, allowed)
        elif text and not text.startswith(("#", ";")):
            if not section.startswith("X-") and (not section or not _SETTING.match(text)):
                _reject(want, number, f"neither a section nor `Key=value`: {text!r}")
            continued = text.endswith("\\")
    if not want.absent and not section:
        raise InputError(f"unit {want.identity}: the text has no section")


def _section(want: Unit, number: int, text: str, allowed: set[str]) -> str:
    section = text[1:-1]
    if not text.endswith("]") or (section not in allowed and not section.startswith("X-")):
        _reject(want, number, f"section {text} is not one of {', '.join(sorted(allowed))}")
    return section


def _reject(want: Unit, number: int, problem: str) -> None:
    raise InputError(f"unit {want.identity}, line {number}: {problem}")


provider = Units()
