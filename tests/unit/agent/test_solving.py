"""Solving on the machine: in a directory that goes away, one environment after the other, and nothing else changes."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from provision.agent import events, runs, solving
from provision.agent.events import Event
from provision.agent.steps import MakeDirectory, RemoveTree, Run
from provision.catalog import model as catalogs
from provision.catalog.model import Catalog, Entry
from provision.errors import StepError
from provision.resources import File, UvEnvironment
from tests.fake_host import FakeHost
from tests.providers.fake_uv import PROGRAM, lock_of, machine
from tests.unit.agent.controller import Controller, Memory

WANT = UvEnvironment(name="lab", path="/home/me/envs/lab", program=PROGRAM, requirements=("numpy", "ipykernel"), owner="me")
OTHER = dataclasses.replace(WANT, name="old", path="/home/me/envs/old", requirements=("pandas",))


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeHost:
    """A machine with uv on it, on which solving works; its runtime directory is the test's."""
    made = machine()
    made.put_file(PROGRAM, b"\x7fELF", mode=0o755)
    monkeypatch.setattr(runs, "RUNTIME", str(tmp_path / "run"))
    made.put_directory(str(tmp_path / "run"))
    monkeypatch.setattr(solving, "MachineWriter", lambda **_options: made)
    return made


def solved(host: FakeHost, *names: str, resources: tuple[Any, ...] = (WANT, OTHER)) -> list[Event]:
    told: list[Event] = []
    solving.solve(Catalog(entries=tuple(Entry(role="environments", resource=each) for each in resources)), names, told.append)
    assert [event["seq"] for event in told] == list(range(1, len(told) + 1))
    return told


def kinds(told: list[Event]) -> list[str]:
    return [event["event"] for event in told if event["event"] != events.PROGRESS]


def test_what_is_asked_for_is_solved_and_told(host: FakeHost) -> None:
    before = host.snapshot()
    told = solved(host, "lab")
    assert kinds(told) == [events.RESOURCE_STARTED, events.RESULT, events.RESOURCE_DONE]
    assert (told[0]["key"], told[0]["role"], told[0]["title"]) == ("uv_environment:lab", "environments", "lab")
    (result,) = [event for event in told if event["event"] == events.RESULT]
    assert (result["name"], result["subject"]) == ("lock", "lab")
    assert lock_of("ipykernel", "numpy") in result["text"]
    assert f"provision request={WANT.request} python=3.11" in result["text"]
    assert host.snapshot() == before, "something of the machine is not as it was"


def test_all_happens_in_a_directory_of_the_owners_that_goes_away(host: FakeHost) -> None:
    solved(host, "lab", "old")
    made = [step for step in host.steps if isinstance(step, MakeDirectory)]
    gone = [step.path for step in host.steps if isinstance(step, RemoveTree)]
    assert [(step.owner, step.mode) for step in made] == [("me", 0o700)] * 2
    assert len(set(gone)) == 2
    assert [step.path for step in made] == gone
    assert all(step.user == "me" for step in host.steps if isinstance(step, Run))
    assert all(path.startswith(f"{runs.RUNTIME}/solve-") for path in gone)
    assert Path(runs.RUNTIME).stat().st_mode & 0o777 == 0o711


def test_one_that_cannot_be_solved_leaves_nothing_and_the_next_is_solved(host: FakeHost) -> None:
    compiling = host.handler((PROGRAM, "pip", "compile"))

    def refused(step: Run, host: FakeHost) -> int:
        if "pandas" in step.stdin:
            return compiling(step, host) or 0
        raise StepError("`uv` failed with exit code 1", hint="look", evidence="no solution found")

    host.on((PROGRAM, "pip", "compile"), refused)
    before = host.snapshot()
    told = solved(host, "lab", "old")
    assert kinds(told) == [
        events.RESOURCE_STARTED,
        events.RESOURCE_FAILED,
        events.RESOURCE_STARTED,
        events.RESULT,
        events.RESOURCE_DONE,
    ]
    failed = next(event for event in told if event["event"] == events.RESOURCE_FAILED)
    assert (failed["message"], failed["hint"], failed["evidence"]) == (
        "`uv` failed with exit code 1",
        "look",
        "no solution found",
    )
    assert host.snapshot() == before


def test_a_solver_that_says_nothing_has_failed(host: FakeHost) -> None:
    host.on((PROGRAM, "pip", "compile"), 0)
    told = solved(host, "lab")
    assert kinds(told)[-1] == events.RESOURCE_FAILED
    assert told[-1]["message"] == "solving it left no lock"


def test_what_solves_must_be_there_already(host: FakeHost) -> None:
    host.tree.drop(PROGRAM)
    told = solved(host, "lab")
    assert told[-1]["message"] == f"`{PROGRAM}`, which solves it, is not on this machine yet"
    assert told[-1]["hint"] == "`provision apply environments` first, which solves it too"
    assert host.steps == []


def test_whose_environment_it_is_must_be_there_too(host: FakeHost) -> None:
    told = solved(host, "lab", resources=(dataclasses.replace(WANT, owner="you"),))
    assert told[-1]["message"] == "there is no user `you` yet"
    assert host.steps == []


def test_what_is_no_environment_is_passed_over(host: FakeHost) -> None:
    assert solved(host, "lab", "file", "none", resources=(File(path="/etc/lab"), OTHER)) == []


def test_progress_is_told_and_not_too_often(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("provision.agent.solving.time.monotonic", lambda: now[0])
    told: list[Event] = []
    teller = solving.Teller(told.append)
    for seconds in (0.0, 0.1, 0.1, 0.2):
        now[0] += seconds
        teller.progress(f"after {now[0]:.1f}", None, 1, 2)
    assert [event["says"] for event in told] == ["after 100.0", "after 100.4"]
    assert told[0]["event"] == events.PROGRESS


# Over the wire


def test_a_session_solves(agent: Controller, memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def solve(catalog: Catalog, names: list[str], tell: Any) -> None:  # noqa: ANN401 - a function
        seen.append((catalog, names))
        tell({"seq": 1, "event": events.RESULT, "name": "lock", "subject": "lab", "text": "x"})

    monkeypatch.setattr(solving, "solve", solve)
    catalog = Catalog(entries=(Entry(role="environments", resource=WANT),))
    agent.wire.send({"do": "solve", "catalog": catalogs.dump(catalog, redact=False), "names": ["lab"], "modules": "SOLVERS"})
    told, end = agent.events()
    assert [event["text"] for event in told] == ["x"]
    assert end == {"type": "solved"}
    assert seen == [(catalog, ["lab"])]
    assert memory.added == ["SOLVERS"]


def test_a_session_without_root_solves_nothing(memory: Memory, agent: Controller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provision.agent.session.os.geteuid", lambda: 1000)
    plain = Controller()
    answer = plain.ask(do="solve", catalog={"entries": [], "checks": []}, names=[], modules="")
    assert (answer["type"], answer["message"], answer["exit"]) == ("error", "changing this machine needs root", 3)
    plain.close()


def test_nothing_is_solved_while_a_run_is_at_work(agent: Controller) -> None:
    lock = runs.Lock()
    lock.take(runs.Run("first"))
    answer = agent.ask(do="solve", catalog={"entries": [], "checks": []}, names=[], modules="")
    assert "run first" in answer["message"]
    os.close(lock._fd)
