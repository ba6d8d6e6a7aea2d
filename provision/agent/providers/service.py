"""What a systemd unit does: it runs, is enabled, is masked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent import ctimes
from provision.agent.ctimes import Ctimes
from provision.agent.host import Reader, UnitState
from provision.agent.provider import Pending
from provision.agent.steps import Run, Step
from provision.errors import InputError, ProvisionError
from provision.plan.model import Change, Diff, Status, same
from provision.resources.service import Service

_RUNS = {"active", "reloading", "refreshing"}
_STOPPED = {"inactive", "failed"}
_NOT_BY_NAME = {"static", "alias", "generated", "indirect", "transient"}
"""States of unit files that `systemctl enable` does not change: something else pulls them in."""
_MASKED = {"masked", "masked-runtime"}


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The unit's state, when the `restart_after` files changed, and its last log lines where it failed."""

    state: UnitState
    ctimes: Ctimes = ()
    log: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        """Whether systemd knows the unit."""
        return self.state.load != "not-found"

    @property
    def masked(self) -> bool:
        """Whether the unit cannot be started at all."""
        return self.state.load == "masked" or self.state.file in _MASKED

    @property
    def enabled(self) -> bool | None:
        """Whether the unit is started at boot; `None` where something else than `systemctl enable` decides."""
        return None if self.state.file in _NOT_BY_NAME else self.state.file == "enabled"


class Services:
    """An aspect that is `None` is left alone; a mask is lifted only where the unit is to run or be enabled."""

    def observe(self, want: Service, host: Reader) -> Observed:
        state = host.unit(want.unit)
        log: tuple[str, ...] = ()
        if want.running and state.active in {"failed", "activating"}:
            answer = host.query(["journalctl", "-u", want.unit, "-n", "5", "--no-pager", "-o", "cat"])
            log = tuple(answer.stdout.splitlines()[-5:]) if answer.code == 0 else ()
        return Observed(state=state, ctimes=ctimes.observe(want.restart_after, host), log=log)

    def diff(self, want: Service, have: Observed, pending: Pending) -> Diff:
        if want.unit == "ssh.socket" and (want.masked or want.running is False or want.enabled is False):
            raise InputError("`ssh.socket` is never stopped, disabled or masked: a remote machine may have no other way in")
        comes = _comes_with(want, have, pending)
        changes = (*_changes(want, have), *_pending_restarts(want, have, pending))
        if changes:
            why = comes or "".join(have.log[-1:])
            return Diff(status=Status.CHANGE, changes=changes, why=why, text="\n".join(have.log), seconds=2)
        perhaps = ctimes.may_change(want.restart_after, pending) if _can_restart(want, have) else ()
        if perhaps:
            return Diff(status=Status.KNOWN_AFTER_APPLY, why=f"restarted if {', '.join(perhaps)} changes")
        return same(_why(want, have))

    def steps(self, want: Service, have: Observed) -> Iterator[Step]:
        verbs = tuple(_verbs(want, have))
        if have.state.needs_reload and verbs:
            yield Run(argv=("systemctl", "daemon-reload"), says="telling systemd", timeout=120)
        for verb in verbs:
            yield Run(argv=("systemctl", verb, want.unit), says=f"systemctl {verb} {want.unit}", timeout=600)


def _verbs(want: Service, have: Observed) -> Iterator[str]:
    fields = {change.field for change in _changes(want, have)}
    if want.masked:
        yield from (("stop",) if "running" in fields else ())
        yield from (("disable",) if "enabled" in fields else ())
        yield from (("mask",) if "masked" in fields else ())
        return
    if "masked" in fields:
        yield "unmask"
    if "enabled" in fields:
        yield "enable" if want.enabled else "disable"
    if "running" in fields:
        if have.state.active == "failed":
            yield "reset-failed"
        yield "start" if want.running else "stop"
    elif "restart" in fields:
        yield "restart" if want.running else "try-restart"


def _changes(want: Service, have: Observed) -> tuple[Change, ...]:
    found = []
    if have.masked != want.masked and (want.masked or want.running or want.enabled):
        found.append(Change(field="masked", before=_word(have.masked), after=_word(want.masked)))
    if want.enabled is not None and have.exists and _differs(have, wanted=want.enabled):
        found.append(Change(field="enabled", before=have.state.file or "no", after=_word(want.enabled)))
    elif want.enabled and not have.exists:
        found.append(Change(field="enabled", before="no such unit", after="yes"))
    active = have.state.active
    if want.running is not None and active not in (_RUNS if want.running else _STOPPED):
        found.append(Change(field="running", before=active if have.exists else "no such unit", after=_word(want.running)))
    elif _can_restart(want, have):
        stale = ctimes.since(have.ctimes, have.state.started_us * 1000)
        found += [Change(field="restart", before=f"{path} changed since it started", after="restarted") for path in stale]
    return tuple(found)


def _differs(have: Observed, *, wanted: bool) -> bool:
    if have.masked:
        return wanted
    return have.enabled is not None and have.enabled != wanted


def _can_restart(want: Service, have: Observed) -> bool:
    return want.running is not False and have.state.active in _RUNS and have.state.started_us > 0


def _pending_restarts(want: Service, have: Observed, pending: Pending) -> tuple[Change, ...]:
    paths = ctimes.will_change(want.restart_after, pending) if _can_restart(want, have) else ()
    return tuple(Change(field="restart", before=f"{path} changes", after="restarted") for path in paths)


def _comes_with(want: Service, have: Observed, pending: Pending) -> str:
    """Return what will bring a unit that is not there; raises `ProvisionError` when nothing will."""
    if have.exists or not (want.running or want.enabled):
        return ""
    template = re.sub(r"@[^.]*\.", "@.", want.unit)
    for name in dict.fromkeys((want.unit, template)):
        if pending.has(f"path:/etc/systemd/system/{name}"):
            return f"comes with /etc/systemd/system/{name}"
    if pending.kind("packages"):
        return "comes with the packages that are still to be installed"
    raise ProvisionError(
        f"there is no systemd unit `{want.unit}`, and nothing in this plan brings one",
        hint=f"`systemctl list-unit-files '{template.replace('@.', '@*.')}'` shows what there is",
    )


def _why(want: Service, have: Observed) -> str:
    if not have.exists:
        return "there is no such unit" if not want.masked else "masked"
    words = [have.state.active]
    if want.enabled is not None:
        words.append(f"{have.state.file or 'not enabled'}")
    return ", ".join(dict.fromkeys(words))


def _word(value: bool) -> str:  # noqa: FBT001 - the one thing it says
    return "yes" if value else "no"


provider = Services()
