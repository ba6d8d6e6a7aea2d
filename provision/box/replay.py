"""The JSON Lines of a `provision` process, shown as if it ran here, and counted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.agent.events import RUN_ENDED
from provision.catalog import notes
from provision.checks.model import Outcome, Verdict
from provision.errors import Exit, ProvisionError
from provision.facts import model as facts_model
from provision.facts.model import Facts
from provision.plan import model as plan_model
from provision.plan.model import Plan
from provision.run.ui import Ui


@dataclass
class Tally:
    """What a process reported: resources changed, checks, drift, and the plan it showed."""

    changed: int = 0
    passed: int = 0
    failed: int = 0
    drift: int | None = None
    planned: int | None = None


class Replay:
    """Feeds lines to `ui` and counts."""

    def __init__(self, ui: Ui) -> None:
        self._ui = ui
        self._facts: Facts | None = None
        self.tally = Tally()

    def feed(self, line: str) -> None:
        """Take one line. Notes are left out: they speak of files that go with the box."""
        try:
            data = json.loads(line)
        except ValueError:
            return
        host = data.get("host", "")
        kind = data.get("type", "")
        if kind == "facts":
            self._facts = facts_model.load(data["facts"])
            self._ui.facts(host, self._facts)
        elif kind == "plan" and self._facts is not None:
            plan = plan_model.load(data["plan"])
            self.tally.planned = len(plan.pending)
            self._ui.plan(host, self._facts, plan, notes.load(data.get("notes", ())))
        elif kind == "event":
            self._event(host, data["event"])
        elif kind == "verdicts":
            self._verdicts(host, data["verdicts"], data["drift"])
        elif kind == "error":
            error = dict(data["error"])
            self._ui.failed(host, ProvisionError(error.pop("message"), **{**error, "exit": Exit(error["exit"])}))

    def _event(self, host: str, event: dict[str, Any]) -> None:
        if event["event"] == RUN_ENDED:
            self.tally.changed += event["changed"]
        self._ui.event(host, event)

    def _verdicts(self, host: str, found: list[dict[str, Any]], drift: int | None) -> None:
        verdicts = tuple(Verdict(**{**each, "outcome": Outcome(each["outcome"])}) for each in found)
        self.tally.passed += sum(verdict.outcome is Outcome.PASSED for verdict in verdicts)
        self.tally.failed += sum(verdict.outcome is Outcome.FAILED for verdict in verdicts)
        self.tally.drift = drift
        self._ui.verdicts(host, Plan(entries=()) if drift == 0 else None, verdicts)


def run_cli(words: Sequence[str], ui: Ui, *, folder: Path) -> tuple[int, Tally]:
    """Run `provision WORDS --json` in `folder`, show it on `ui`; return its exit code and what it reported."""
    replay = Replay(ui)
    argv = [sys.executable, "-m", "provision", *words, "--json"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, cwd=folder) as child:
        assert child.stdout  # noqa: S101 - a pipe was asked for
        try:
            for line in child.stdout:
                replay.feed(line)
        except BaseException:
            child.terminate()
            raise
    return child.returncode, replay.tally
