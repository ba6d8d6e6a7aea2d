"""Apply a confirmed plan: observe → diff → steps → observe again, each event on disk before the next thing happens."""

from __future__ import annotations

import json
import os
import signal
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from provision.agent import compiled, events
from provision.agent.host import Writer
from provision.agent.journal import Journal
from provision.agent.planner import unit_names
from provision.agent.probes import run_check
from provision.agent.provider import NOTHING_PENDING, BatchProvider, ExplainingProvider, Provider, provider_of
from provision.agent.runs import Lock, Run, forget_old
from provision.agent.steps import RequestReboot, Step
from provision.catalog.model import Catalog, Entry, load
from provision.errors import NotConvergedError, ProvisionError
from provision.plan import model as plans
from provision.plan.model import Diff, Plan

DONE, FAILED, REBOOT, INTERRUPTED = "done", "failed", "reboot-needed", "interrupted"


class RebootNeededError(Exception):
    """The run cannot go on in this boot."""


@dataclass
class Execution:
    """One run over one machine; `stop` is set by a signal and obeyed between two resources."""

    catalog: Catalog
    plan: Plan
    host: Writer
    journal: Journal
    run: str = ""
    """The run's id."""
    stop: bool = False
    changed_roles: tuple[str, ...] = ()
    changed: int = 0
    current: Entry | None = None
    """What is being worked on."""

    def apply(self) -> str:
        """Bring every resource to what is wanted, in order; return how it ended. Raises `ProvisionError` at the first failure."""
        shown = {entry.key: entry.diff for entry in self.plan.entries}
        entries, index = self.catalog.entries, 0
        while index < len(entries):
            if self.stop:
                return INTERRUPTED
            group = _adjacent(entries, index)
            index += len(group)
            try:
                self._converge(group, shown)
            except RebootNeededError:
                return REBOOT
        return DONE

    def _converge(self, group: Sequence[Entry], shown: dict[str, Diff]) -> None:
        began = time.monotonic()
        provider = provider_of(group[0].resource.kind)
        todo = list(self._differing(provider, group, shown))
        if not todo:
            return
        for entry, _ in todo:
            self.current = entry
            self._say(events.RESOURCE_STARTED, entry)
        reboot = False
        for step in _steps(provider, todo):
            self.host.perform(step)
            reboot = reboot or isinstance(step, RequestReboot)
        for entry, _ in () if reboot else todo:
            self.current = entry
            _confirm(provider, entry, self.host)
        seconds = round((time.monotonic() - began) / len(todo), 2)
        for entry, _ in todo:
            self.changed += 1
            self.changed_roles = tuple(dict.fromkeys((*self.changed_roles, entry.role)))
            self._say(events.RESOURCE_DONE, entry, result="changed", seconds=seconds)
        if reboot:
            raise RebootNeededError

    def _differing(
        self, provider: Provider[Any, Any], group: Sequence[Entry], shown: dict[str, Diff]
    ) -> Iterator[tuple[Entry, Any]]:
        """Yield what is still to change, with its observation; what was not shown in the plan is never changed."""
        for entry in group:
            self.current = entry
            have = provider.observe(entry.resource, self.host)
            diff = provider.diff(entry.resource, have, NOTHING_PENDING)
            planned = not shown[entry.resource.key].ok
            if diff.ok and planned:
                self._say(events.RESOURCE_DONE, entry, result="ok", seconds=0.0)
            elif not diff.ok and not planned:
                raise ProvisionError(
                    f"{entry.resource.key} was in order when the plan was shown and is not now: {_words(diff)}",
                    hint="`provision plan` shows what is to do now",
                )
            elif not diff.ok:
                yield entry, have

    def _say(self, event: str, entry: Entry, **fields: Any) -> None:  # noqa: ANN401 - JSON values
        self.journal.write(event, key=entry.resource.key, role=entry.role, title=entry.resource.title, **fields)

    def check(self) -> bool:
        """Run the checks of the roles in which something changed; return whether none failed."""
        good = True
        for item in self.catalog.checks:
            if item.role in self.changed_roles and not self.stop:
                self.journal.write(events.CHECK_STARTED, role=item.role, name=item.check.name)
                verdict = run_check(item.role, item.check, self.host, self.catalog.secrets)
                self.journal.write(events.VERDICT, **asdict(verdict))
                good = good and verdict.outcome.value != "failed"
        return good


def _adjacent(entries: Sequence[Entry], index: int) -> list[Entry]:
    """Return the entry at `index`, with those after it that its provider changes in the same go."""
    first = entries[index]
    if not hasattr(provider_of(first.resource.kind), "batch_steps"):
        return [first]
    end = index + 1
    while end < len(entries) and entries[end].resource.kind == first.resource.kind:
        end += 1
    return list(entries[index:end])


def _steps(provider: Provider[Any, Any], todo: Sequence[tuple[Entry, Any]]) -> Iterator[Step]:
    if hasattr(provider, "batch_steps"):
        batch = cast("BatchProvider[Any, Any]", provider)
        yield from batch.batch_steps([(entry.resource, have) for entry, have in todo])
    else:
        for entry, have in todo:
            yield from provider.steps(entry.resource, have)


def _confirm(provider: Provider[Any, Any], entry: Entry, host: Writer) -> None:
    have = provider.observe(entry.resource, host)
    diff = provider.diff(entry.resource, have, NOTHING_PENDING)
    if not diff.ok:
        if hasattr(provider, "stuck"):
            raise cast("ExplainingProvider[Any, Any]", provider).stuck(entry.resource, have)
        raise NotConvergedError(
            f"{entry.resource.key} did not converge: all steps succeeded, and still {_words(diff)}", evidence=diff.text, hint=""
        )


def _words(diff: Diff) -> str:
    changes = ", ".join(f"{change.field}: {change.before} → {change.after}" for change in diff.changes)
    return changes or diff.why or diff.status.value


def _run(run: Run, journal: Journal) -> None:
    from provision.agent.writer import MachineWriter

    with open(run.orders, encoding="utf-8") as file:
        orders = json.load(file)
    os.unlink(run.orders)
    catalog = load(orders["catalog"])
    plan = plans.load(orders["plan"])
    blobs = {name: bytes.fromhex(data) for name, data in orders["blobs"].items()}
    host = MachineWriter(units=unit_names(catalog), blobs=blobs, secrets=catalog.secrets, backups=f"{run.path}/backups")
    execution = Execution(catalog=catalog, plan=plan, host=host, journal=journal, run=run.id)
    signal.signal(signal.SIGTERM, lambda *_: setattr(execution, "stop", True))

    def progress(says: str, fraction: float | None, done: int | None, total: int | None) -> None:
        key = execution.current.resource.key if execution.current else ""
        journal.write(events.PROGRESS, key=key, says=says, fraction=fraction, bytes=done, total_bytes=total)

    host.on_progress = progress
    host.on_report = lambda name, subject, text: journal.write(events.RESULT, name=name, subject=subject, text=text)
    compiled.keep(__spec__.loader)
    conduct(execution)


def conduct(execution: Execution) -> None:
    """Apply, then check, and end the journal with how it went, whatever happens."""
    began, journal = time.monotonic(), execution.journal
    journal.write(events.RUN_STARTED, run=execution.run, pid=os.getpid(), total=len(execution.plan.pending))
    result, message = FAILED, ""
    try:
        result = execution.apply()
        if result == DONE and not execution.check():
            result, message = FAILED, "a check failed"
    except ProvisionError as error:
        message = error.message
        _failed(execution, message=message, evidence=error.evidence, hint=error.hint)
    except Exception as error:  # noqa: BLE001 - whatever it is, the journal must say it
        message = f"internal error: {error!r}"
        _failed(execution, message=message, evidence=traceback.format_exc(), hint="")
    seconds = round(time.monotonic() - began, 2)
    journal.write(events.RUN_ENDED, result=result, changed=execution.changed, seconds=seconds, message=message)


def _failed(execution: Execution, **fields: str) -> None:
    entry = execution.current
    named = {"key": entry.resource.key, "role": entry.role, "title": entry.resource.title} if entry else {}
    execution.journal.write(events.RESOURCE_FAILED, **{"key": "", "role": "", "title": "", **named, **fields})


def main(path: str) -> None:
    """Execute the run in the directory `path`: take the lock, obey the orders, end the journal."""
    import fcntl

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    run = Run(os.path.basename(path))
    journal = Journal(run.journal)
    with open(f"{run.path}/alive", "rb") as alive:
        fcntl.flock(alive.fileno(), fcntl.LOCK_EX)
        lock = Lock()
        try:
            lock.take(run)
        except ProvisionError as error:
            os.unlink(run.orders)  # they hold secrets, and nobody will read them
            journal.write(events.RUN_STARTED, run=run.id, pid=os.getpid(), total=0)
            journal.write(events.RESOURCE_FAILED, key="", role="", title="", message=error.message, evidence="", hint=error.hint)
            journal.write(events.RUN_ENDED, result=FAILED, changed=0, seconds=0.0, message=error.message)
            return
        _run(run, journal)
        forget_old()
