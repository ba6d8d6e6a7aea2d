"""A run shown to a person on standard error; standard output stays free for what a verb prints."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from provision.agent import events
from provision.agent.events import Event
from provision.catalog.model import RoleNote
from provision.checks.model import Verdict
from provision.errors import Exit, InputError, ProvisionError
from provision.facts.model import Facts
from provision.plan.model import Plan
from provision.render.entry import kind_name, title_of
from provision.render.failure import failure_lines
from provision.render.line import Line, Span, cells, pad
from provision.render.live import Clock, LiveView
from provision.render.measure import count, elapsed
from provision.render.page import NARROW
from provision.render.plan import plan_lines
from provision.render.progress import Finished, HostRun, advance, ended_line, finished_line, work_lines
from provision.render.screen import Screen
from provision.render.verdict import verdict_lines

if TYPE_CHECKING:
    from provision.doctor.finding import Diagnosis
    from provision.profile.lock_changes import LockChange

_HEARTBEAT = 15.0
"""Seconds after which work that goes on says so, where nothing on the screen can move."""

Ask = Callable[[], str]
"""Reads one line a person typed; raises `EOFError` at the end of input."""


def read_line() -> str:
    """Return one line of standard input; raises `EOFError` at its end."""
    answer = sys.stdin.readline()
    if not answer:
        raise EOFError
    return answer


class TerminalUi:
    """Shows runs on `screen`. `ask` is `None` where nobody can answer; `hosts` are named once there are several.

    Use it as a context manager: what moves on the screen is taken away at the end, however that comes.
    """

    def __init__(self, screen: Screen, *, ask: Ask | None = None, yes: bool = False, hosts: tuple[str, ...] = ()) -> None:
        self._screen = screen
        self._ask = ask
        self._yes = yes
        self._hosts = set(hosts)
        self._lock = threading.RLock()
        self._runs: dict[str, HostRun] = {}
        self._doing: dict[str, str] = {}
        self._told: dict[str, set[str]] = {}
        self._spoke: dict[str, float] = {}
        self._clock = Clock()
        self._view = LiveView(screen, self._moving)
        self._apart = True

    def __enter__(self) -> TerminalUi:  # noqa: PYI034 - `Self` needs Python 3.11
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Take away what moves; what was written stays."""
        with self._lock:
            self._view.stop()
            self._screen.clear()

    def connecting(self, host: str, doing: str) -> None:
        """Show what is happening before there is a plan, on one line that goes away."""
        with self._lock:
            self._hosts.add(host)
            self._doing[host] = doing
            self._status()

    def facts(self, host: str, facts: Facts) -> None:  # noqa: ARG002 - `Ui` has it so
        """Take note of the machine; a plan's first line shows it."""
        with self._lock:
            self._hosts.add(host)

    def plan(self, host: str, facts: Facts, plan: Plan, notes: tuple[RoleNote, ...] = ()) -> None:
        """Show a plan and what roles say of it; one line where nothing is to change."""
        with self._lock:
            self._doing.pop(host, None)
            self._block(plan_lines(host, facts, plan, self._screen.page, notes), tight=not plan.pending)
            self._status()

    def confirm(self, plans: dict[str, Plan]) -> bool:
        """Ask once; an empty answer and the end of input mean no. Raises `InputError` where nobody can answer."""
        changing = [plan for plan in plans.values() if plan.pending]
        if self._yes or not changing:
            return True
        if self._ask is None:
            raise InputError("no terminal to ask on", hint="add `--yes`")
        total = sum(len(plan.pending) for plan in changing)
        if len(plans) > 1:
            question = f"Apply {count(total, 'change')} to {count(len(changing), 'host')}?"
        else:
            question = "Apply this change?" if total == 1 else f"Apply these {total} changes?"
        with self._lock:
            self._block([])
            self._apart = False
            self._screen.ask(self._screen.page.line((question, "strong"), " [y/N]"))
            try:
                answer = self._ask()
            except EOFError:
                self._screen.write([()])
                return False
            return answer.strip().lower() in {"y", "yes"}

    def event(self, host: str, event: Event) -> None:
        """Show what happens: in the moving part where there is one, else a line when something is done."""
        with self._lock:
            self._hosts.add(host)
            run = advance(self._runs.get(host, HostRun()), event)
            self._runs = {**self._runs, host: run}
            self._clock.hear(host)
            name = event.get("event")
            if name == events.RUN_STARTED:
                self._begin(host)
            elif name in {events.RESOURCE_DONE, events.RESOURCE_FAILED}:
                self._finished(host, run.finished[-1])
                if name == events.RESOURCE_FAILED:
                    self._failure(host, event)
            elif name == events.PROGRESS:
                self._heartbeat(host, event)
            elif name == events.CHECK_STARTED and not self._view.on:
                self._doing[host] = f"checking {run.checking}"
                self._status()
            elif name == events.RUN_ENDED:
                self._end(host, event)

    def verdicts(self, host: str, plan: Plan | None, verdicts: tuple[Verdict, ...]) -> None:
        """Show what the checks found, and what drifted where `plan` is given."""
        with self._lock:
            self._doing.pop(host, None)
            page = self._screen.page
            lines = [page.fit(page.line((host, "strong"))), ()] if self._several else []
            self._block([*lines, *verdict_lines(plan, verdicts, page)])

    def diagnosis(self, host: str, facts: Facts, diagnosis: Diagnosis) -> None:
        """Show what is wrong with a machine's GPU, or what was looked at where nothing is."""
        from provision.render.doctor import diagnosis_lines  # noqa: PLC0415 - one verb shows it

        with self._lock:
            self._doing.pop(host, None)
            self._block(diagnosis_lines(host, facts, diagnosis, self._screen.page))
            self._status()

    def locks(self, host: str, changes: tuple[LockChange, ...]) -> None:
        """Show what new locks change, environment by environment."""
        from provision.render.locks import lock_lines  # noqa: PLC0415 - one verb shows it

        with self._lock:
            self._doing.pop(host, None)
            self._block(lock_lines(changes, self._screen.page))
            self._status()

    def failed(self, host: str, error: ProvisionError) -> None:
        """Show why a host's run ended, unless the event that told it has been shown already."""
        with self._lock:
            self._doing.pop(host, None)
            if host in self._runs and not self._runs[host].ended:
                self._runs = {name: run for name, run in self._runs.items() if name != host}
                self._stop_when_idle()
            if error.message not in self._told.get(host, set()):
                self._error(host, error.message, evidence=error.evidence, hint=error.hint)

    def end(self, exit_code: Exit) -> None:
        """Say nothing: each host's last words have been said."""

    def note(self, host: str, text: str) -> None:
        """Show one line of prose."""
        with self._lock:
            page = self._screen.page
            before = page.line((f"{host}: ", "strong")) if self._several and host else ()
            self._write(page.hang((), (*before, *page.line(text))))

    @property
    def _several(self) -> bool:
        return len(self._hosts) > 1

    def _write(self, lines: list[Line]) -> None:
        self._view.write(lines)
        self._apart = not lines[-1] if lines else self._apart

    def _block(self, lines: list[Line], *, tight: bool = False) -> None:
        """Write lines apart from what was written before, by one empty line."""
        self._write([*([] if self._apart or tight else [()]), *lines])

    def _status(self) -> None:
        if self._view.on:
            return
        if not self._doing:
            self._screen.clear()
            return
        groups: dict[str, list[str]] = {}
        for host, doing in self._doing.items():
            groups.setdefault(doing, []).append(host)
        text = " · ".join(f"{', '.join(hosts)}: {doing}" for doing, hosts in groups.items())
        self._screen.status(self._screen.page.line((text, "quiet")))

    def _begin(self, host: str) -> None:
        self._doing.pop(host, None)
        if not self._view.on:
            self._block([])
        if self._screen.live:
            self._view.start()

    def _moving(self) -> list[Line]:
        """Return the lines that move; called from the drawing thread, hence only frozen values are read here."""
        page = self._screen.page
        shown: list[Line] = []
        for host, run in self._runs.items():
            if run.ended:
                continue
            if self._several:
                shown.append(page.fit(page.line((host, "strong"))))
            shown += work_lines(run, page, now=self._clock.now(host, run.clock))
        return shown

    def _finished(self, host: str, item: Finished) -> None:
        page = self._screen.page
        self._spoke[host] = self._runs[host].clock
        unsaid = not item.key or (item.result == "ok" and not page.verbose)
        if unsaid or (self._several and self._view.on):
            return
        self._write([page.fit((*self._named(host), *finished_line(item, page)))])

    def _named(self, host: str) -> Line:
        """Return the column of the host's name, where there are several."""
        if not self._several:
            return ()
        page = self._screen.page
        width = min(max(cells(name) for name in self._hosts), 20 if page.width >= NARROW else 8)
        return (*pad(page.fit(page.line((host, "strong")), width), width), Span("  "))

    def _heartbeat(self, host: str, event: Event) -> None:
        run = self._runs[host]
        work = run.work.get(event["key"])
        if self._screen.live or work is None or run.clock - max(self._spoke.get(host, 0.0), work.since) < _HEARTBEAT:
            return
        self._spoke[host] = run.clock
        page = self._screen.page
        far = f" {work.fraction:.0%}" if work.fraction is not None else ""
        kind = kind_name(work.key.partition(":")[0])
        text = f"… {kind} {title_of(work.key, work.title)}: {work.says}{far} after {elapsed(run.clock - work.since)}"
        self._write([page.fit((*self._named(host), *page.line((text, "quiet"))))])

    def _failure(self, host: str, event: Event) -> None:
        at = (
            f"{event['role']} · {kind_name(event['key'].partition(':')[0])} {title_of(event['key'], event['title'])}"
            if event.get("role")
            else ""
        )
        message = str(event.get("message") or "failed")
        self._error(host, message, at=at, evidence=str(event.get("evidence") or ""), hint=str(event.get("hint") or ""))

    def _error(self, host: str, message: str, *, at: str = "", evidence: str = "", hint: str = "") -> None:
        self._told.setdefault(host, set()).add(message)
        name = host if self._several else ""
        self._block(failure_lines(message, self._screen.page, at=at, evidence=evidence, hint=hint, host=name))

    def _end(self, host: str, event: Event) -> None:
        run, page = self._runs[host], self._screen.page
        grouped = self._several and self._view.on
        lines: list[Line] = []
        if grouped:
            lines = [page.fit(page.line((host, "strong")))]
            lines += [finished_line(item, page) for item in run.finished if item.result != "ok" or page.verbose]
        self._stop_when_idle()
        self._block([*lines, *ended_line(run, event, page, host=host if self._several and not grouped else "")])

    def _stop_when_idle(self) -> None:
        if all(run.ended for run in self._runs.values()):
            self._view.stop()
