"""The executor's own process: its lock, its orders, its signals; on a machine below a directory."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provision.agent import events, executor, runs
from provision.agent.journal import read
from provision.agent.planner import make_plan
from provision.agent.reader import MachineReader
from provision.agent.writer import MachineWriter
from provision.catalog import model as catalogs
from provision.plan import model as plans
from provision.resources import File, Secret
from tests.unit.agent.machine_tree import Tree
from tests.unit.agent.past_runs import ENDED, STARTED, held, written
from tests.unit.agent.things import catalog, check

CANARY = "canary-91bc"
pytestmark = pytest.mark.usefixtures("places")


@pytest.fixture
def machine(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tree]:
    def writer(**options: Any) -> MachineWriter:  # noqa: ANN401 - the writer's own options
        return MachineWriter(root=str(tree.root), **options)

    monkeypatch.setattr("provision.agent.writer.MachineWriter", writer)
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield tree
    for number, handler in kept.items():
        signal.signal(number, handler)


def ordered(tree: Tree, *contents: str, agent: bytes = b"") -> runs.Run:
    files = (
        File(path=f"/etc/f{index}", content=Secret(text), owner=tree.me, group=tree.me, mode=0o600)
        for index, text in enumerate(contents)
    )
    wanted = catalog(*files, checks=(check("lives", "true"),))
    plan = make_plan(wanted, MachineReader(root=str(tree.root)))
    orders = {"catalog": catalogs.dump(wanted, redact=False), "plan": plans.dump(plan), "blobs": {}}
    return runs.create(orders=orders, redacted=catalogs.dump(wanted), plan=plans.dump(plan), agent=agent)


def test_a_run_from_its_orders_to_its_end(machine: Tree) -> None:
    for number in range(51):
        written(f"19990101-{number:02}", STARTED, ENDED)
    machine.put("/etc/f1", "before")
    run = ordered(machine, CANARY, f"{CANARY}-2")
    executor.main(run.path)
    assert machine.at("/etc/f0").read_text() == CANARY
    told = read(run.journal)
    assert told[0] == {**told[0], "event": events.RUN_STARTED, "run": run.id, "pid": os.getpid(), "total": 2}
    assert told[-1] == {**told[-1], "event": events.RUN_ENDED, "result": "done", "changed": 2}
    assert not Path(run.orders).exists()
    assert len(runs.names()) == runs.KEPT
    for top in (Path(runs.STATE), Path(runs.RUNTIME)):
        for path in top.rglob("*"):
            assert path.is_dir() or CANARY not in path.read_text(errors="replace"), path
    os.close(os.open(f"{runs.RUNTIME}/lock", os.O_RDWR))


def test_a_second_run_says_who_is_at_work_and_leaves_no_orders(machine: Tree) -> None:
    run = ordered(machine, CANARY)
    runs.Lock().check()
    with held(f"{runs.RUNTIME}/lock", text='{"run": "first", "pid": 9}'):
        executor.main(run.path)
    told = read(run.journal)
    assert [event["event"] for event in told] == [events.RUN_STARTED, events.RESOURCE_FAILED, events.RUN_ENDED]
    assert told[1]["hint"] == "`provision attach first` follows it"
    assert (told[-1]["result"], told[-1]["message"]) == ("failed", "run first (pid 9) is at work on this machine")
    assert not Path(run.orders).exists()
    assert not machine.at("/etc/f0").exists()


def test_a_run_is_alive_while_it_works(machine: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ordered(machine, "x")
    seen = []
    monkeypatch.setattr(executor, "conduct", lambda _execution: seen.append((run.alive(), Path(run.orders).exists())))
    executor.main(run.path)
    assert seen == [(True, False)]
    assert not run.alive()


def test_sigterm_asks_it_to_stop_and_a_hangup_changes_nothing(machine: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ordered(machine, "x")
    real = executor.conduct

    def told_to_stop(execution: executor.Execution) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not execution.stop
        os.kill(os.getpid(), signal.SIGTERM)
        real(execution)

    monkeypatch.setattr(executor, "conduct", told_to_stop)
    executor.main(run.path)
    assert read(run.journal)[-1]["result"] == "interrupted"
    assert not machine.at("/etc/f0").exists()


def test_progress_and_results_of_steps_go_to_the_journal(machine: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ordered(machine, "x")

    def works(execution: executor.Execution) -> None:
        host: Any = execution.host
        host.on_progress("downloading", 0.5, 1, 2)
        execution.current = execution.catalog.entries[0]
        host.on_report("lock", "torch", "text")

    monkeypatch.setattr(executor, "conduct", works)
    executor.main(run.path)
    progress, result = read(run.journal)
    assert progress == {**progress, "event": events.PROGRESS, "key": "", "says": "downloading", "fraction": 0.5, "total_bytes": 2}
    assert result == {**result, "event": events.RESULT, "name": "lock", "subject": "torch", "text": "text"}
