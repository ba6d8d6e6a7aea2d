"""The stages of a run, seen from the controller: connect, compile, plan, confirm, follow, verdict."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from provision.agent.events import RESULT, RUN_ENDED, VERDICT, Event
from provision.catalog.model import RoleNote
from provision.catalog.notes import with_stops
from provision.checks.model import Outcome, Verdict
from provision.errors import Exit, ProvisionError, UnreachableError
from provision.later import Later
from provision.plan.model import Plan
from provision.profile.lock import REPORTS, Lock
from provision.run.connect import Gate, Sudo, connect, each
from provision.run.guess import recall, remember
from provision.run.request import Request
from provision.run.session import Session, verdict_of
from provision.run.ui import Ui
from provision.transports.base import Transport

if TYPE_CHECKING:
    from provision.run.recipe import Recipe

_WORST = (Exit.INTERRUPTED, Exit.BAD_INPUT, Exit.UNREACHABLE, Exit.FAILED, Exit.REBOOT_NEEDED, Exit.CHANGES_PENDING, Exit.DONE)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A machine that was reached, with its plan; `stops` says, by role, why an apply must not begin."""

    session: Session
    recipe: Recipe
    plan: Plan
    notes: tuple[RoleNote, ...] = ()
    stops: Mapping[str, ProvisionError] = field(default_factory=dict)


@dataclass
class Drive:
    """One command over one or several machines. Each verb returns the process's exit code."""

    transports: list[Transport]
    profiles: Mapping[str, Path]
    """The profiles an inventory gives some hosts instead of the request's."""
    request: Request
    sudo: Sudo
    ui: Ui
    keeps_locks: bool = True
    """Whether locks that a run reports are written beside the profile."""
    even_if_busy: bool = False
    """Whether a person insists although somebody works on the machine."""
    targets: dict[str, Target] = field(default_factory=dict)
    codes: list[Exit] = field(default_factory=list)

    def plan(self, *, detailed: bool = False) -> Exit:
        """Show what would change on each machine."""
        self._prepare()
        self._show()
        self.codes += [Exit.CHANGES_PENDING for target in self.targets.values() if detailed and target.plan.pending]
        return self._end()

    def apply(self) -> Exit:
        """Show the plans, ask once, then apply them side by side."""
        self._prepare()
        self._show()
        for host, target in self.targets.items():
            for error in target.stops.values():
                self._fail(host, error)
        pending = {host: target.plan for host, target in self.targets.items() if target.plan.pending and not target.stops}
        if pending and not self.ui.confirm(pending):
            self.codes.append(Exit.INTERRUPTED)
            return self._end()

        def work(host: str) -> Exit:
            target = self.targets[host]
            try:
                run = target.session.go(target.plan)
            except UnreachableError as error:
                raise _lost(error, host, "", "just when the run was to begin; if it did, it goes on by itself") from error
            return follow(host, target.session, run, self.ui, target.recipe if self.keeps_locks else None)

        self._collect(each(list(pending), work, lambda: self._stop(pending)))
        return self._end()

    def _show(self) -> None:
        for host, target in self.targets.items():
            self.ui.plan(host, target.session.facts, target.plan, with_stops(target.notes, target.stops))

    def _stop(self, hosts: Iterable[str]) -> None:
        for host in hosts:
            self.targets[host].session.stop()
            self.ui.note(host, "stopping after the resource it is at; Ctrl-C again leaves the run to itself")

    def verify(self) -> Exit:
        """Check that the plan is empty and that every check passes."""
        self._prepare()

        def work(host: str) -> Exit:
            target = self.targets[host]
            verdicts = target.session.check(lambda event: self.ui.event(host, event))
            self.ui.verdicts(host, target.plan, verdicts)
            return judge(target.plan, verdicts)

        self._collect(each(list(self.targets), work))
        return self._end()

    def _prepare(self) -> None:
        """Connect and read the profile side by side, then plan on every machine."""
        gate = Gate()
        for transport in self.transports:
            self.ui.connecting(transport.name, "connecting")
        guesses = {transport.name: recall(transport.name) for transport in self.transports}
        later = connect(self.transports, self.sudo, gate, guesses)
        from provision.run.recipe import read_recipe  # noqa: PLC0415 - its imports take as long as the connection being made

        recipe = read_recipe(self.request)
        others = {path: read_recipe(replace(self.request, profile=path)) for path in set(self.profiles.values())}
        recipes = {host: others[self.profiles[host]] if host in self.profiles else recipe for host in later}
        for host, guess in guesses.items():
            if guess is not None:
                guess.make(recipes[host])
        gate.open()

        remote = {transport.name: transport.remote for transport in self.transports}

        def work(host: str) -> Target:
            return self._reach(host, later[host], recipes[host], remote=remote[host])

        for host, found in each(list(later), work).items():
            if isinstance(found, ProvisionError):
                self._fail(host, found)
            else:
                self.targets[host] = found

    def _reach(self, host: str, later: Later[Session], recipe: Recipe, *, remote: bool) -> Target:
        session = later.get()
        try:
            self.ui.facts(host, session.facts)
            catalog = recipe.compile(session.facts)
            self.ui.connecting(host, "observing")
            if not session.guessed(catalog):
                remember(host, session.facts)
            plan = session.plan(catalog)
            stops = recipe.stops(session.facts, plan, remote=remote, even_if_busy=self.even_if_busy)
            return Target(session=session, recipe=recipe, plan=plan, notes=catalog.notes, stops=stops)
        except BaseException:
            session.__exit__()
            raise

    def _collect(self, found: dict[str, Exit | ProvisionError]) -> None:
        for host, code in found.items():
            if isinstance(code, ProvisionError):
                self._fail(host, code)
            else:
                self.codes.append(code)

    def _fail(self, host: str, error: ProvisionError) -> None:
        self.ui.failed(host, error)
        self.codes.append(error.exit)

    def _end(self) -> Exit:
        for target in self.targets.values():
            target.session.__exit__()
        return next((code for code in _WORST if code in self.codes), Exit.DONE)


def judge(plan: Plan | None, verdicts: tuple[Verdict, ...]) -> Exit:
    """Return what verify's verdict is as an exit code: a failed check is worse than drift."""
    if any(verdict.outcome is Outcome.FAILED for verdict in verdicts):
        return Exit.FAILED
    return Exit.CHANGES_PENDING if plan is not None and plan.pending else Exit.DONE


_RESULTS = {"done": Exit.DONE, "failed": Exit.FAILED, "reboot-needed": Exit.REBOOT_NEEDED, "interrupted": Exit.INTERRUPTED}


def _lost(error: UnreachableError, host: str, run: str, what: str) -> UnreachableError:
    words = ["provision", "attach", *([run] if run else []), *([] if host == os.uname().nodename else ["--host", host])]
    return UnreachableError(f"{error.message}, {what}", hint=f"`{' '.join(words)}` follows it", evidence=error.evidence)


def _events(host: str, session: Session, run: str) -> Iterator[Event]:
    try:
        while (event := session.next_event()) is not None:
            yield event
    except UnreachableError as error:
        raise _lost(error, host, run, f"run {run} goes on by itself") from error


def follow(host: str, session: Session, run: str, ui: Ui, recipe: Recipe | None) -> Exit:
    """Show a run until it ends, keep the locks it reports, and return how it ended as an exit code."""
    known = recipe.locks if recipe is not None else {}
    locks: dict[str, Lock] = {}
    verdicts, ended = [], ""
    for event in _events(host, session, run):
        ui.event(host, event)
        if event["event"] == RESULT and event["name"] in REPORTS:
            name = event["subject"]
            locks[name] = locks.get(name, known.get(name, Lock())).with_report(event["name"], event["text"])
        elif event["event"] == VERDICT:
            verdicts.append(verdict_of(event))
        elif event["event"] == RUN_ENDED:
            ended = event["result"]
    if locks and recipe is not None:
        ui.note(host, f"wrote {recipe.keep_locks(locks)}: keep it with the profile, later applies install exactly this")
    if verdicts:
        ui.verdicts(host, None, tuple(verdicts))
    if not ended:
        raise ProvisionError(
            f"run {run} ended without a word: its process was killed", hint="`provision apply` finishes what it began"
        )
    return _RESULTS[ended]
