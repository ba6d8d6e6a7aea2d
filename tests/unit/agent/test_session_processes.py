"""What a session does with processes: planning in a child that is thrown away, following a run that is another's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from provision.agent import events, runs, session
from provision.agent.journal import Journal
from provision.agent.wire import Message
from provision.errors import ProvisionError
from tests.unit.agent.controller import Controller

# Planning in a child


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_planning_happens_in_a_child_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_raw: Message, privileged: bool) -> Message:  # noqa: FBT001 - as `_plan` has it
        return {"pid": os.getpid(), "privileged": privileged}

    monkeypatch.setattr(session, "_plan", answer)
    said = json.loads(session._plan_in_child({}, privileged=True))
    assert said["privileged"] is True
    assert said["pid"] != os.getpid()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_planner_that_dies_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_plan", lambda _raw, privileged: os._exit(3 if privileged else 4))
    with pytest.raises(ProvisionError, match="ended without an answer") as caught:
        session._plan_in_child({}, privileged=True)
    assert caught.value.evidence == f"wait status {3 << 8}"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_planner_that_raises_never_goes_on_as_a_second_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_plan", lambda _raw, privileged: {"no": {privileged}})  # a set is not JSON
    with pytest.raises(ProvisionError, match="ended without an answer"):
        session._plan_in_child({}, privileged=True)


def test_the_loader_is_what_imported_us() -> None:
    assert session._memory() is session.__spec__.loader


# Following


STUBBORN = """
import fcntl, json, os, signal, sys
path = sys.argv[1]
alive = open(path + "/alive", "rb")
fcntl.flock(alive, fcntl.LOCK_EX)
def say(seq, event):
    with open(path + "/journal.jsonl", "a") as file:
        file.write(json.dumps({"seq": seq, "event": event, "pid": os.getpid(), "time": 1.0}) + "\\n")
def end(*_):
    say(2, "run-ended")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
say(1, "run-started")
print(flush=True)
while True:
    signal.pause()
"""


@pytest.fixture
def working(agent: Controller) -> Iterator[tuple[runs.Run, subprocess.Popen[bytes]]]:
    """A run that goes on until it is told to stop."""
    run = runs.create(orders={}, redacted={}, plan={}, agent=b"")
    with subprocess.Popen([sys.executable, "-c", STUBBORN, run.path], stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        yield run, child
        child.kill()


def test_stop_asks_the_run_and_its_end_is_told(agent: Controller, working: tuple[runs.Run, subprocess.Popen[bytes]]) -> None:
    run, child = working
    agent.ask(do="attach", run=run.id, after=0)
    assert agent.next()["event"]["seq"] == 1
    agent.wire.send({"do": "stop"})
    told, ended = agent.events()
    assert [event["event"] for event in told] == [events.RUN_ENDED]
    assert ended["last"] == events.RUN_ENDED
    assert child.wait(20) == 0


def test_anything_else_leaves_the_run_alone(agent: Controller, working: tuple[runs.Run, subprocess.Popen[bytes]]) -> None:
    run, child = working
    agent.ask(do="attach", run=run.id, after=1)
    ended = agent.ask(do="whatever")
    assert ended == {"type": "ended", "run": run.id, "alive": True, "last": ""}
    assert child.poll() is None


def test_a_run_is_waited_for_until_it_has_begun(agent: Controller, monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.create(orders={}, redacted={}, plan={}, agent=b"")
    agent.ask(do="attach", run=run.id, after=0)
    book = Journal(run.journal)
    book.write(events.RUN_STARTED)
    assert agent.next()["event"]["event"] == events.RUN_STARTED
    assert agent.next()["type"] == "ended"
    monkeypatch.setattr(session, "STARTING", 0.05)
    silent = runs.create(orders={}, redacted={}, plan={}, agent=b"")
    agent.ask(do="attach", run=silent.id, after=0)
    assert agent.next() == {"type": "ended", "run": silent.id, "alive": False, "last": ""}
