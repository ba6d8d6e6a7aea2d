"""A confirmed plan is carried out in order, proved by a second look, and told in the journal, whatever happens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provision.agent.events import Event
from provision.agent.executor import DONE, FAILED, INTERRUPTED, REBOOT, Execution, conduct
from provision.agent.journal import Journal, read
from provision.agent.planner import make_plan
from provision.agent.steps import Remember, Run, Step, Write
from provision.catalog.model import Catalog, Entry
from provision.errors import NotConvergedError, ProvisionError, StepError
from provision.plan.model import Plan
from provision.resources import Directory, DriverModule, File, Packages, Reboot, Secret
from tests.converge import read_only
from tests.fake_apt import Apt, Candidate
from tests.fake_host import FakeHost
from tests.fake_kernel import NEW, Kernels
from tests.unit.agent.things import Batched, Thing, Things, catalog, check, install

CANARY = "canary-7f3a"


@pytest.fixture(autouse=True)
def things(monkeypatch: pytest.MonkeyPatch) -> Things:
    return install(monkeypatch)


@pytest.fixture
def host() -> FakeHost:
    made = FakeHost()
    made.on(("false",), 1)
    made.on(("batch",), 0)
    return made


class Conducted:
    """What came of one run."""

    def __init__(self, execution: Execution, path: Path) -> None:
        self.execution = execution
        self.text = path.read_text()
        self.events: list[Event] = read(str(path))

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event["event"] == name]

    @property
    def end(self) -> Event:
        return self.events[-1]

    @property
    def story(self) -> list[str]:
        """Each event in a few words."""
        about = ("title", "result", "outcome")
        return [" ".join([e["event"], *(str(e[name]) for name in about if name in e)]) for e in self.events]


Conduct = Callable[..., Conducted]


@pytest.fixture
def apply(host: FakeHost, tmp_path: Path) -> Conduct:
    def conducted(wanted: Catalog, *, shown: Plan | None = None, before: Callable[[Execution], Any] | None = None) -> Conducted:
        plan = make_plan(wanted, read_only(host)) if shown is None else shown
        path = tmp_path / f"journal-{time.monotonic_ns()}"
        execution = Execution(catalog=wanted, plan=plan, host=host, journal=Journal(str(path)), run="r1")
        if before is not None:
            before(execution)
        conduct(execution)
        return Conducted(execution, path)

    return conducted


def test_a_whole_run_in_its_order(host: FakeHost, apply: Conduct) -> None:
    host.state["b"] = "made"
    done = apply(catalog(Thing(name="c"), Thing(name="b"), Thing(name="a")))
    assert done.story == [
        "run-started",
        "resource-started c",
        "resource-done c changed",
        "resource-started a",
        "resource-done a changed",
        "run-ended done",
    ]
    assert [event["seq"] for event in done.events] == [1, 2, 3, 4, 5, 6]
    assert (done.events[0]["run"], done.events[0]["total"]) == ("r1", 2)
    assert (done.end["changed"], done.end["message"]) == (2, "")
    assert done.named("resource-done")[0].keys() >= {"key", "role", "title", "result", "seconds"}
    assert host.state == {"a": "made", "b": "made", "c": "made"}


def test_a_second_run_does_nothing(host: FakeHost, apply: Conduct) -> None:
    wanted = catalog(Thing(name="a"), Batched(name="b"))
    apply(wanted)
    before = len(host.steps), host.snapshot()
    again = apply(wanted)
    assert again.story == ["run-started", "run-ended done"]
    assert (len(host.steps), host.snapshot()) == before


def test_neighbours_of_a_batch_provider_are_changed_in_one_go(host: FakeHost, apply: Conduct) -> None:
    host.state["c"] = "made"
    names = [Batched(name=name) for name in "abc"]
    done = apply(catalog(*names, Thing(name="x"), Batched(name="d")))
    runs = [step.argv for step in host.steps if isinstance(step, Run)]
    assert runs == [("batch", "a", "b"), ("batch", "d")]
    assert done.story[1:5] == ["resource-started a", "resource-started b", "resource-done a changed", "resource-done b changed"]


def test_adjacent_packages_are_one_transaction(host: FakeHost, apply: Conduct) -> None:
    apt = Apt(host, archive={name: Candidate() for name in ("curl", "git", "vim")})
    apt.fresh()
    done = apply(catalog(Packages(names=("curl",)), Packages(names=("git", "vim"))))
    assert done.end["result"] == DONE
    assert len(apt.installed) == 1
    assert {"curl", "git", "vim"} <= set(apt.installed[0])


def test_nothing_is_changed_that_the_plan_showed_as_being_so(host: FakeHost, apply: Conduct) -> None:
    wanted = catalog(Thing(name="first"), Thing(name="a"))
    host.state["a"] = "made"
    shown = make_plan(wanted, read_only(host))
    host.state["a"] = "edited"
    done = apply(wanted, shown=shown)
    assert done.end["result"] == FAILED
    (failed,) = done.named("resource-failed")
    assert failed["key"] == "thing:a"
    assert failed["message"] == "thing:a was in order when the plan was shown and is not now: state: edited → made"
    assert failed["hint"] == "`provision plan` shows what is to do now"
    assert host.state["a"] == "edited"


def test_what_was_planned_and_has_become_so_is_told_as_ok(host: FakeHost, apply: Conduct) -> None:
    wanted = catalog(Thing(name="a"))
    shown = make_plan(wanted, read_only(host))
    host.state["a"] = "made"
    done = apply(wanted, shown=shown)
    assert done.story == ["run-started", "resource-done a ok", "run-ended done"]
    assert done.end["changed"] == 0
    assert host.steps == []


def test_a_second_look_that_still_differs_is_an_error_and_never_changed(host: FakeHost, apply: Conduct) -> None:
    done = apply(catalog(Thing(name="a", how="never"), Thing(name="b")))
    assert done.story == ["run-started", "resource-started a", "resource-failed a", "run-ended failed"]
    (failed,) = done.named("resource-failed")
    assert failed["message"] == "thing:a did not converge: all steps succeeded, and still state: half → made"
    assert failed["evidence"] == "- no\n+ yes"
    assert done.end["changed"] == 0
    assert "b" not in host.state


def test_a_gate_that_stays_shut_ends_the_run_before_its_reboot_in_its_own_words(host: FakeHost, apply: Conduct) -> None:
    kernels = Kernels(host)
    kernels.source()
    kernels.headers()
    host.put_directory("/sys/module/nouveau")
    reboot = Reboot(name="driver", because="the driver is not loaded", unless_loaded="nvidia")
    done = apply(catalog(DriverModule(branch=580), reboot))
    assert [event["event"] for event in done.events] == ["run-started", "resource-started", "resource-failed", "run-ended"]
    (failed,) = done.named("resource-failed")
    assert failed["message"] == f"no reboot: {NEW} boots next, and its driver is not ready there: module absent, wanted for {NEW}"
    assert failed["evidence"].endswith("make: *** [Makefile:59: modules] Error 2")
    assert failed["hint"].startswith("`less /var/lib/dkms/nvidia/580.95.05/build/make.log`")
    assert (done.end["result"], host.reboot_requested) == (FAILED, "")
    kernels.build = "580.95.05"
    again = apply(catalog(DriverModule(branch=580), reboot))
    assert (again.end["result"], host.reboot_requested) == (REBOOT, "the driver is not loaded")


def test_one_of_a_batch_that_does_not_converge_is_named(apply: Conduct) -> None:
    done = apply(catalog(Batched(name="a"), Batched(name="b", how="never"), Batched(name="c")))
    (failed,) = done.named("resource-failed")
    assert failed["title"] == "b"


def test_a_failing_step_names_its_resource_and_ends_the_run(host: FakeHost, apply: Conduct) -> None:
    done = apply(catalog(Thing(name="a"), Thing(name="b", how="badly"), Thing(name="c"), role="nvidia"))
    (failed,) = done.named("resource-failed")
    assert {name: failed[name] for name in ("key", "role", "title", "message")} == {
        "key": "thing:b",
        "role": "nvidia",
        "title": "b",
        "message": "`false` exited with 1",
    }
    assert done.end == {**done.end, "result": FAILED, "changed": 1, "message": "`false` exited with 1"}
    assert "c" not in host.state


def test_evidence_and_hint_of_a_failed_step_are_told(host: FakeHost, apply: Conduct) -> None:
    def fails(_step: Run, _host: FakeHost) -> int:
        raise StepError("dpkg failed", evidence="E: broken\nE: pipe", hint="`dpkg --audit`")

    host.on(("false",), fails)
    (failed,) = apply(catalog(Thing(name="a", how="badly"))).named("resource-failed")
    assert (failed["message"], failed["evidence"], failed["hint"]) == ("dpkg failed", "E: broken\nE: pipe", "`dpkg --audit`")


def test_an_error_nobody_thought_of_is_told_with_its_trace(things: Things, host: FakeHost, apply: Conduct) -> None:
    wanted = catalog(Thing(name="a"))
    shown = make_plan(wanted, read_only(host))
    things.trouble = {"a": ZeroDivisionError("by zero")}
    done = apply(wanted, shown=shown)
    (failed,) = done.named("resource-failed")
    assert failed["message"] == "internal error: ZeroDivisionError('by zero')"
    assert failed["evidence"].startswith("Traceback")
    assert done.end["result"] == FAILED


def test_a_run_that_is_told_to_stop_ends_between_two_resources(host: FakeHost, apply: Conduct) -> None:
    def stop_at_b(execution: Execution) -> None:
        def stop(_step: Run, _host: FakeHost) -> int:
            execution.stop = True
            return 0

        host.on(("batch",), stop)

    done = apply(catalog(Thing(name="a"), Batched(name="b"), Thing(name="c"), checks=(check("works", "true"),)), before=stop_at_b)
    assert done.story[-2:] == ["resource-done b changed", f"run-ended {INTERRUPTED}"]
    assert host.state == {"a": "made", "b": "made"}
    assert not done.named("check-started")


def test_a_reboot_ends_the_run_before_anything_is_confirmed(things: Things, host: FakeHost, apply: Conduct) -> None:
    done = apply(catalog(Thing(name="a", how="reboot"), Thing(name="b")))
    assert done.story[-2:] == ["resource-done a changed", f"run-ended {REBOOT}"]
    assert host.reboot_requested == "a"
    assert things.seen == ["a", "b", "a"]  # the plan's look at both, and one before the steps


def test_only_the_checks_of_roles_in_which_something_changed_run(host: FakeHost, apply: Conduct) -> None:
    host.state["b"] = "made"
    wanted = Catalog(
        entries=(Entry(role="one", resource=Thing(name="a")), Entry(role="two", resource=Thing(name="b"))),
        checks=(check("one works", "true", role="one"), check("two works", "false", role="two")),
    )
    done = apply(wanted)
    assert [(event["role"], event["name"]) for event in done.named("check-started")] == [("one", "one works")]
    assert done.end["result"] == DONE


def test_a_failed_check_fails_the_run_after_all_of_them_ran(apply: Conduct) -> None:
    done = apply(catalog(Thing(name="a"), checks=(check("no", "sh", "-c", "echo 7; exit 1"), check("yes", "true"))))
    assert [event["outcome"] for event in done.named("verdict")] == ["failed", "passed"]
    assert done.named("verdict")[0] == {**done.named("verdict")[0], "role": "base", "evidence": "7", "hint": "look"}
    assert done.end == {**done.end, "result": FAILED, "changed": 1, "message": "a check failed"}


def test_a_skipped_check_fails_nothing(apply: Conduct) -> None:
    done = apply(catalog(Thing(name="a"), checks=(check("other", "sh", "-c", "exit 77"),)))
    assert [event["outcome"] for event in done.named("verdict")] == ["skipped"]
    assert done.end["result"] == DONE


def test_no_check_runs_after_a_failure(apply: Conduct) -> None:
    done = apply(catalog(Thing(name="a"), Thing(name="b", how="badly"), checks=(check("works", "true"),)))
    assert not done.named("check-started")


def test_a_secret_is_in_no_event_whatever_comes_of_it(host: FakeHost, apply: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    host.put_file("/etc/token", b"old")
    wanted = catalog(File(path="/etc/token", content=Secret(CANARY), mode=0o600))
    plan = make_plan(wanted, read_only(host))
    done = apply(wanted, shown=plan)
    assert done.end["result"] == DONE
    assert host.text("/etc/token") == CANARY
    assert CANARY not in done.text
    host.put_file("/etc/token", b"old")
    monkeypatch.setattr(host, "perform", lambda _step: None)  # never converges
    done = apply(wanted, shown=plan)
    assert done.end["result"] == FAILED
    assert CANARY not in done.text


def test_every_secret_of_a_catalog_is_known_to_whoever_cleans_outputs() -> None:
    wanted = catalog(File(path="/a", content=Secret(CANARY)), File(path="/b", content="b"), Thing(name="a", secret=Secret("two")))
    assert wanted.secrets == (CANARY, "two")


def test_an_apply_raises_at_the_first_failure(host: FakeHost, tmp_path: Path) -> None:
    wanted = catalog(Thing(name="a", how="never"))
    execution = Execution(catalog=wanted, plan=make_plan(wanted, host), host=host, journal=Journal(str(tmp_path / "j")))
    with pytest.raises(NotConvergedError):
        execution.apply()


def test_the_plan_names_exactly_the_steps_that_are_made(host: FakeHost, apply: Conduct) -> None:
    wanted = catalog(Directory(path="/srv/a"), File(path="/srv/a/b", content="x\n"))
    shown = make_plan(wanted, read_only(host))
    done = apply(wanted, shown=shown)
    assert [event["key"] for event in done.named("resource-started")] == [entry.key for entry in shown.pending]
    written: list[Step] = [step for step in host.steps if isinstance(step, (Write, Remember))]
    assert [step.path for step in written if isinstance(step, Write)] == ["/srv/a/b"]
    assert json.loads(done.text.splitlines()[-1])["changed"] == 2


def test_problems_while_planning_are_not_swallowed(things: Things) -> None:
    things.trouble = {"a": ProvisionError("no luck")}
    with pytest.raises(ProvisionError):
        make_plan(catalog(Thing(name="a")), read_only(FakeHost()))
