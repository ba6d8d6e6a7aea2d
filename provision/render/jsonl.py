"""A run as JSON Lines for programs (docs/output.md): one object a line, each with `schema`, `host` and `type`."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from typing import TYPE_CHECKING, Any, TextIO

from provision.agent.events import Event
from provision.catalog import notes as catalog_notes
from provision.catalog.model import RoleNote
from provision.checks.model import Verdict
from provision.errors import Exit, InputError, ProvisionError
from provision.facts import model as facts_model
from provision.facts.model import Facts
from provision.plan import model as plan_model
from provision.plan.model import Plan

if TYPE_CHECKING:
    from provision.doctor.finding import Diagnosis
    from provision.profile.lock_changes import LockChange

SCHEMA = 1


class JsonUi:
    """Writes each thing as it happens, whole lines only, flushed; once the reader is gone nothing more is written."""

    def __init__(self, stream: TextIO, *, yes: bool = False) -> None:
        self._stream = stream
        self._yes = yes
        self._lock = threading.Lock()
        self._gone = False

    def connecting(self, host: str, doing: str) -> None:
        """Say nothing: there is no result yet."""

    def facts(self, host: str, facts: Facts) -> None:
        """Write what the machine is; `provision plan --facts` reads it again."""
        self._line(host, "facts", facts=facts_model.dump(facts))

    def plan(self, host: str, facts: Facts, plan: Plan, notes: tuple[RoleNote, ...] = ()) -> None:  # noqa: ARG002 - `Ui` has it so
        """Write a plan, and what roles say of it."""
        self._line(host, "plan", plan=plan_model.dump(plan), notes=catalog_notes.dump(notes))

    def confirm(self, plans: dict[str, Plan]) -> bool:
        """Return whether `--yes` was given; raises `InputError` where it was not and something would change."""
        if not self._yes and any(plan.pending for plan in plans.values()):
            raise InputError("`--json` never asks", hint="add `--yes`")
        return True

    def event(self, host: str, event: Event) -> None:
        """Write an event as the agent numbered it."""
        self._line(host, "event", event=event)

    def verdicts(self, host: str, plan: Plan | None, verdicts: tuple[Verdict, ...]) -> None:
        """Write what the checks found; `drift` counts the resources that differ, null where nobody looked."""
        found = [
            {
                "role": verdict.role,
                "name": verdict.name,
                "outcome": verdict.outcome.value,
                "evidence": verdict.evidence,
                "hint": verdict.hint,
                "seconds": verdict.seconds,
            }
            for verdict in verdicts
        ]
        self._line(host, "verdicts", verdicts=found, drift=None if plan is None else len(plan.pending))

    def diagnosis(self, host: str, facts: Facts, diagnosis: Diagnosis) -> None:
        """Write what the doctor found; `privileged` says whether the facts were collected by root."""
        self._line(
            host,
            "diagnosis",
            broken=diagnosis.broken,
            privileged=facts.privileged,
            findings=[dataclasses.asdict(finding) for finding in diagnosis.findings],
            looked=[dataclasses.asdict(looked) for looked in diagnosis.looked],
        )

    def locks(self, host: str, changes: tuple[LockChange, ...]) -> None:
        """Write a line for each environment's new lock."""
        for change in changes:
            self._line(host, "lock", **dataclasses.asdict(change))

    def failed(self, host: str, error: ProvisionError) -> None:
        """Write why a host's run ended."""
        about = {"exit": int(error.exit), "message": error.message, "hint": error.hint, "evidence": error.evidence}
        self._line(host, "error", error=about)

    def note(self, host: str, text: str) -> None:
        """Write one line of prose."""
        self._line(host, "note", text=text)

    def end(self, exit_code: Exit) -> None:
        """Write the last line, of all hosts together (`host` is empty): the exit code."""
        self._line("", "end", exit=int(exit_code))

    def _line(self, host: str, kind: str, **fields: Any) -> None:  # noqa: ANN401 - JSON values
        # ASCII only: no locale can garble it, and no control or bidirectional character reaches a terminal.
        text = json.dumps({"schema": SCHEMA, "host": host, "type": kind, **fields}, separators=(",", ":"))
        with self._lock:
            if self._gone:
                return
            try:
                self._stream.write(text + "\n")
                self._stream.flush()
            except (BrokenPipeError, ValueError):
                self._gone = True
                _silence(self._stream)


def _silence(stream: TextIO) -> None:
    """Point the stream's descriptor at nothing, so that the flush at exit does not fail on a reader that is gone."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
    except (OSError, ValueError):
        return
