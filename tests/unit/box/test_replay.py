"""What another provision process reports is shown here and counted."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from provision.box.replay import Replay, Tally, run_cli
from provision.catalog.model import Note, RoleNote
from provision.checks.model import Outcome, Verdict
from provision.errors import Exit, ProvisionError
from provision.facts.model import Cpu, Facts, Kernel, System
from provision.plan.model import Change, Diff, Plan, PlanEntry, Status, differs
from provision.render.jsonl import JsonUi

FACTS = Facts(
    hostname="box",
    system=System(id="debian", version="12", codename="bookworm", name="Debian 12", architecture="amd64"),
    kernel=Kernel(running="6.1"),
    cpu=Cpu(model="x", cores=2, threads=2),
    memory=1,
)


class Recorder:
    """A Ui that notes what it was asked to show."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def connecting(self, *shown: Any) -> None:  # noqa: ANN401 - whatever it is
        self.seen.append(("connecting", *shown))

    def confirm(self, plans: dict[str, Plan]) -> bool:
        raise AssertionError

    facts = plan = event = verdicts = diagnosis = locks = failed = note = end = connecting


def plan(*names: str) -> Plan:
    change = differs(Change(field="mode", before="0644", after="0600"))
    entries = [PlanEntry(key=name, role="r", kind="file", title=name, diff=change) for name in names]
    same = PlanEntry(key="same", role="r", kind="file", title="same", diff=Diff(status=Status.OK, why="is so"))
    return Plan(entries=(*entries, same))


@pytest.fixture
def told() -> tuple[io.StringIO, JsonUi]:
    stream = io.StringIO()
    return stream, JsonUi(stream)


def test_everything_the_other_side_writes_is_shown_and_counted(told: tuple[io.StringIO, JsonUi]) -> None:
    stream, other = told
    ended = {"event": "run-ended", "seq": 1, "time": 0.0, "result": "done", "changed": 2, "seconds": 1.0, "message": ""}
    verdicts = (
        Verdict(role="r", name="good", outcome=Outcome.PASSED, evidence="e"),
        Verdict(role="r", name="bad", outcome=Outcome.FAILED, hint="h"),
        Verdict(role="r", name="none", outcome=Outcome.SKIPPED),
    )
    other.facts("box", FACTS)
    notes = (RoleNote(role="r", note=Note(summary="two", why="both", warnings=("large",))),)
    other.plan("box", FACTS, plan("/a", "/b"), notes)
    other.event("box", ended)
    other.verdicts("box", plan(), verdicts)
    other.note("box", "wrote a file")
    other.failed("box", ProvisionError("it failed", hint="do this", evidence="line", exit=Exit.UNREACHABLE))
    seen = Recorder()
    ours = Replay(seen)
    for line in stream.getvalue().splitlines():
        ours.feed(line)
    assert ours.tally == Tally(changed=2, passed=1, failed=1, drift=0, planned=2)
    facts, shown, event, found, failed = seen.seen
    assert facts[1:] == ("box", FACTS)
    assert shown[1:] == ("box", FACTS, plan("/a", "/b"), notes)
    assert event[1:] == ("box", ended)
    assert found[1:] == ("box", Plan(entries=()), verdicts)
    assert (failed[2].message, failed[2].hint, failed[2].exit) == ("it failed", "do this", Exit.UNREACHABLE)


@pytest.mark.parametrize("line", ["", "not json", "{", json.dumps({"type": "unheard-of", "host": "box"})])
def test_other_lines_are_left_alone(line: str) -> None:
    seen = Recorder()
    Replay(seen).feed(line)
    assert seen.seen == []


def test_a_process_is_run_where_asked_and_its_exit_code_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    line = json.dumps({"schema": 1, "host": "b", "type": "event", "event": {"event": "run-ended", "changed": 3}})
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > argv\necho '{line}'\nexit 2\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    seen = Recorder()
    words: Sequence[str] = ("verify", "--host", "b")
    assert run_cli(words, seen, folder=tmp_path) == (2, Tally(changed=3))
    assert (tmp_path / "argv").read_text().split() == ["-m", "provision", "verify", "--host", "b", "--json"]
