"""The agent's side of a session, message by message; no run of it touches this machine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.agent import events, runs
from provision.agent.journal import Journal
from provision.agent.wire import Message
from provision.catalog import model as catalogs
from provision.catalog.model import Catalog
from provision.errors import ProvisionError
from provision.resources import File, Secret
from tests.unit.agent.controller import Controller, Memory
from tests.unit.agent.things import catalog, check

CANARY = "canary-5e1d"


def wanted(tmp_path: Path) -> Catalog:
    file = File(path=str(tmp_path / "made"), content=Secret(CANARY), mode=0o600)
    return catalog(file, checks=(check("one", "true"), check("two", "sh", "-c", "echo because; exit 1")))


def planned(agent: Controller, tmp_path: Path) -> Message:
    raw = catalogs.dump(wanted(tmp_path), redact=False)
    answer = agent.ask(do="plan", catalog=raw, modules="MODULES")
    assert answer["type"] == "plan"
    plan: Message = answer["plan"]
    return plan


def scripted(*names: str, say: Callable[[runs.Run], None] = lambda _run: None) -> Callable[[runs.Run], None]:
    """A run that says `names` in its journal."""

    def spawn(run: runs.Run) -> None:
        book = Journal(run.journal)
        for name in names:
            book.write(name, run=run.id, pid=os.getpid())
        book.close()
        say(run)

    return spawn


def test_a_plan_and_whether_the_kernel_enforced_it(agent: Controller, memory: Memory, tmp_path: Path) -> None:
    raw = catalogs.dump(wanted(tmp_path), redact=False)
    answer = agent.ask(do="plan", catalog=raw, modules="MODULES")
    assert answer["enforced"] is True
    assert [item["status"] for item in answer["plan"]["entries"]] == ["change"]
    assert answer["plan"]["free_bytes"] > 0
    assert memory.added == ["MODULES"]
    assert CANARY not in json.dumps(answer)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({"entries": [{"role": "a", "resource": {"kind": "nothing"}}], "checks": []}, "unknown resource kind `nothing`"),
        ({"entries": [{"role": "a", "resource": {"kind": "file"}}], "checks": []}, "malformed `file` resource"),
        ({}, "internal error while planning: KeyError('entries')"),
    ],
)
def test_what_is_wrong_with_a_catalog_is_an_answer(agent: Controller, raw: Message, says: str) -> None:
    answer = agent.ask(do="plan", catalog=raw, modules="")
    assert answer["type"] == "error"
    assert says in answer["message"]
    assert agent.ask(do="runs") == {"type": "runs", "runs": []}


def test_a_confirmed_plan_is_set_going_and_followed(
    agent: Controller, memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(agent, tmp_path)
    monkeypatch.setattr(runs, "spawn", scripted(events.RUN_STARTED, events.RESOURCE_DONE, events.RUN_ENDED))
    started = agent.ask(do="go", digest=plan["digest"], blobs={"aa": "00"}, modules="WRITERS")
    assert started["type"] == "started"
    told, ended = agent.events()
    assert [event["event"] for event in told] == [events.RUN_STARTED, events.RESOURCE_DONE, events.RUN_ENDED]
    assert ended == {"type": "ended", "run": started["run"], "alive": False, "last": events.RUN_ENDED}
    run = runs.find(started["run"])
    orders = json.loads(Path(run.orders).read_text())
    assert orders["blobs"] == {"aa": "00"}
    assert CANARY in json.dumps(orders["catalog"])
    assert CANARY not in "".join(path.read_text() for path in Path(run.path).iterdir())
    assert Path(run.path, "agent").read_bytes() == b"packed"
    assert memory.added == ["MODULES", "WRITERS"]


def test_only_the_plan_that_was_shown_is_applied(agent: Controller, tmp_path: Path) -> None:
    says = "the plan to apply is not the plan that was shown"
    assert agent.ask(do="go", digest="", blobs={}, modules="")["message"] == says
    planned(agent, tmp_path)
    answer = agent.ask(do="go", digest="0" * 64, blobs={}, modules="")
    assert (answer["type"], answer["message"], answer["exit"]) == ("error", says, 1)
    assert runs.names() == []


def test_a_plan_that_failed_cannot_be_applied(agent: Controller, tmp_path: Path) -> None:
    plan = planned(agent, tmp_path)
    agent.ask(do="plan", catalog={}, modules="")
    assert agent.ask(do="go", digest=plan["digest"], blobs={}, modules="")["type"] == "error"


def test_without_root_nothing_is_applied(
    memory: Memory, agent: Controller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provision.agent.session.os.geteuid", lambda: 1000)
    plain = Controller()
    plan = planned(plain, tmp_path)
    answer = plain.ask(do="go", digest=plan["digest"], blobs={}, modules="")
    assert (answer["message"], answer["exit"]) == ("changing this machine needs root", 3)
    plain.close()


def test_while_another_run_is_at_work_none_begins(agent: Controller, tmp_path: Path) -> None:
    plan = planned(agent, tmp_path)
    lock = runs.Lock()
    lock.take(runs.Run("first"))
    answer = agent.ask(do="go", digest=plan["digest"], blobs={}, modules="")
    assert answer["message"] == f"run first (pid {os.getpid()}) is at work on this machine"
    assert runs.names() == []
    os.close(lock._fd)


def test_a_run_that_cannot_be_started_is_an_answer(agent: Controller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(agent, tmp_path)

    def fails(_run: runs.Run) -> None:
        raise ProvisionError("systemd would not start the run", evidence="no bus", hint="look")

    monkeypatch.setattr(runs, "spawn", fails)
    answer = agent.ask(do="go", digest=plan["digest"], blobs={}, modules="")
    assert (answer["message"], answer["hint"], answer["evidence"]) == ("systemd would not start the run", "look", "no bus")


def made(*names: str) -> runs.Run:
    run = runs.create(orders={}, redacted={}, plan={}, agent=b"")
    scripted(*names)(run)
    return run


def test_a_run_is_attached_to_from_any_event_on(agent: Controller) -> None:
    run = made(events.RUN_STARTED, events.RESOURCE_DONE, events.RUN_ENDED)
    for asked, after, numbers in ((run.id, 0, [1, 2, 3]), ("", 1, [2, 3]), (run.id, 3, [])):
        assert agent.ask(do="attach", run=asked, after=after) == {"type": "started", "run": run.id}
        told, _ = agent.events()
        assert [event["seq"] for event in told] == numbers


def test_a_killed_run_ends_without_its_last_word(agent: Controller) -> None:
    run = made(events.RUN_STARTED)
    agent.ask(do="attach", run=run.id, after=0)
    told, ended = agent.events()
    assert len(told) == 1
    assert (ended["alive"], ended["last"]) == (False, events.RUN_STARTED)


def test_a_run_nobody_knows(agent: Controller) -> None:
    answer = agent.ask(do="attach", run="nothing", after=0)
    assert (answer["message"], answer["exit"]) == ("no run `nothing` on this machine", 3)


def test_a_damaged_journal_is_an_answer_and_not_the_end(agent: Controller) -> None:
    run = made()
    Path(run.journal).write_text("garbage\n")
    assert agent.ask(do="attach", run=run.id, after=0)["type"] == "started"
    answer = agent.next()
    assert answer["type"] == "error"
    assert "internal error in the agent" in answer["message"]
    assert agent.ask(do="runs")["runs"][0]["result"] == "unreadable"


def test_files_that_cannot_be_read_are_an_answer(agent: Controller) -> None:
    run = made(events.RUN_STARTED)
    Path(run.path, "alive").unlink()
    agent.ask(do="attach", run=run.id, after=0)
    assert agent.next()["message"].startswith("the machine refused: ")


def test_runs_are_listed(agent: Controller) -> None:
    run = made(events.RUN_STARTED)
    (found,) = agent.ask(do="runs")["runs"]
    assert (found["run"], found["result"]) == (run.id, "killed")


def test_checks_are_told_one_by_one(agent: Controller, tmp_path: Path) -> None:
    planned(agent, tmp_path)
    agent.wire.send({"do": "check"})
    told, ended = agent.events()
    assert ended == {"type": "checked"}
    assert [(event["event"], event["name"]) for event in told] == [
        (events.CHECK_STARTED, "one"),
        (events.VERDICT, "one"),
        (events.CHECK_STARTED, "two"),
        (events.VERDICT, "two"),
    ]
    assert [event["outcome"] for event in told if event["event"] == events.VERDICT] == ["passed", "failed"]


def test_stop_without_a_run_is_harmless(agent: Controller) -> None:
    agent.wire.send({"do": "stop"})
    assert agent.ask(do="runs")["type"] == "runs"


def test_an_unknown_message_is_an_answer(agent: Controller) -> None:
    assert agent.ask(do="dance")["type"] == "error"
