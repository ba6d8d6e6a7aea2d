"""Whoever shows a run, for tests: everything that was to be shown, in order."""

from __future__ import annotations

import threading
from typing import Any

from provision.agent.events import Event
from provision.catalog.model import RoleNote
from provision.checks.model import Verdict
from provision.doctor.finding import Diagnosis
from provision.errors import Exit, ProvisionError
from provision.facts.model import Facts
from provision.plan.model import Plan
from provision.profile.lock_changes import LockChange


class Recorder:
    """Implements `Ui`; `answer` is what a person says when asked."""

    def __init__(self, *, answer: bool = True) -> None:
        self.answer = answer
        self.asked: list[dict[str, Plan]] = []
        self.shown: list[tuple[str, str, Any]] = []
        self._lock = threading.Lock()

    def _note(self, kind: str, host: str, what: object = None) -> None:
        with self._lock:
            self.shown.append((kind, host, what))

    def of(self, kind: str, host: str = "") -> list[Any]:
        """Return what was shown of a kind, for one host or for all."""
        return [what for named, where, what in self.shown if named == kind and host in {"", where}]

    def connecting(self, host: str, doing: str) -> None:
        self._note("connecting", host, doing)

    def facts(self, host: str, facts: Facts) -> None:
        self._note("facts", host, facts)

    def plan(self, host: str, facts: Facts, plan: Plan, notes: tuple[RoleNote, ...] = ()) -> None:
        self._note("plan", host, plan)
        self._note("notes", host, notes)

    def confirm(self, plans: dict[str, Plan]) -> bool:
        self.asked.append(plans)
        return self.answer

    def event(self, host: str, event: Event) -> None:
        self._note("event", host, event)

    def verdicts(self, host: str, plan: Plan | None, verdicts: tuple[Verdict, ...]) -> None:
        self._note("verdicts", host, (plan, verdicts))

    def diagnosis(self, host: str, facts: Facts, diagnosis: Diagnosis) -> None:
        self._note("diagnosis", host, diagnosis)

    def locks(self, host: str, changes: tuple[LockChange, ...]) -> None:
        self._note("locks", host, changes)

    def failed(self, host: str, error: ProvisionError) -> None:
        self._note("failed", host, error)

    def end(self, exit_code: Exit) -> None:
        self._note("end", "", exit_code)

    def note(self, host: str, text: str) -> None:
        self._note("note", host, text)
