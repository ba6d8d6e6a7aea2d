"""One command over one machine or several, each of them an agent in this process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provision.agent import events
from provision.errors import Exit, InputError, ProvisionError
from provision.profile.lock import Lock
from provision.profile.locks import read_locks, write_locks
from provision.run.connect import Sudo
from provision.run.drive import Drive, judge
from provision.run.request import Request
from tests.fake_agent import LOST, STARTED, FakeMachine, ended, event, several, verdict
from tests.unit.run.driving import FACTS, KNOWN, driving, nothing, one
from tests.unit.run.locking import conda_lock, pip_lock
from tests.unit.run.locking import found as reported
from tests.unit.run.recorder import Recorder

pytestmark = pytest.mark.usefixtures("alone")


# Planning


def test_a_plan_is_shown_and_nothing_else_happens() -> None:
    ui, lab = Recorder(), one()
    assert driving(lab, ui=ui).plan() is Exit.DONE
    (plan,) = ui.of("plan", "lab")
    assert plan.pending
    assert lab.asked == ["plan", "bye"]
    assert lab.streams[0].closed
    assert ui.of("connecting") == ["connecting", "observing"]
    assert ui.of("facts") == [lab.facts]


def test_changes_pending_are_an_exit_code_only_when_asked_for() -> None:
    assert driving(one()).plan(detailed=True) is Exit.CHANGES_PENDING
    assert driving(one(pending=nothing)).plan(detailed=True) is Exit.DONE


def test_a_machine_seen_before_is_planned_without_waiting_for_its_facts() -> None:
    lab = one()
    driving(lab).plan()
    driving(lab).plan()
    assert lab.asked == ["plan", "bye"] * 2
    changed = replace(lab, facts=replace(lab.facts, people=()), heard=[], streams=[])
    ui = Recorder()
    assert driving(changed, ui=ui).plan() is Exit.DONE
    assert ui.of("plan")


def test_what_is_in_the_way_on_one_machine_stops_no_other() -> None:
    ui = Recorder()
    good, gone, odd, full = several(FACTS, "good", "gone", "odd", "full")
    gone.unreachable = "gone does not answer"
    odd.first = {"type": "dance"}
    full.errors = {"plan": ProvisionError("no space", hint="df -h", evidence="0 bytes")}
    assert driving(good, gone, odd, full, ui=ui).plan(detailed=True) is Exit.UNREACHABLE
    assert [host for kind, host, _ in ui.shown if kind == "plan"] == ["good"]
    told = {host: error for kind, host, error in ui.shown if kind == "failed"}
    assert told["gone"].message == "gone does not answer"
    assert told["odd"].message == "odd: the agent said `dance` first"
    assert (told["full"].message, told["full"].hint, told["full"].evidence) == ("no space", "df -h", "0 bytes")
    assert all(stream.closed for each_machine in (good, odd, full) for stream in each_machine.streams)


def test_bad_input_is_raised_before_anything_is_shown() -> None:
    Path("workstation.toml").write_text("port = 1\n")
    ui = Recorder()
    with pytest.raises(InputError, match="unknown key"):
        driving(one(), ui=ui).plan()
    assert not ui.of("plan")


def test_hosts_of_an_inventory_may_have_profiles_of_their_own() -> None:
    other = Path("other.toml")
    other.write_text("[base]\npackages = ['vim']\n")
    ui = Recorder()
    driving(*several(FACTS, "a", "b"), ui=ui, profiles={"b": other}).plan()
    (first,), (second,) = ui.of("plan", "a"), ui.of("plan", "b")
    assert "packages:vim" not in {entry.key for entry in first.entries}
    assert any("vim" in entry.key for entry in second.entries)


@pytest.mark.parametrize(
    ("codes", "worst"),
    [
        ([], Exit.DONE),
        ([Exit.DONE, Exit.CHANGES_PENDING], Exit.CHANGES_PENDING),
        ([Exit.CHANGES_PENDING, Exit.REBOOT_NEEDED], Exit.REBOOT_NEEDED),
        ([Exit.REBOOT_NEEDED, Exit.FAILED], Exit.FAILED),
        ([Exit.FAILED, Exit.UNREACHABLE], Exit.UNREACHABLE),
        ([Exit.UNREACHABLE, Exit.BAD_INPUT], Exit.BAD_INPUT),
        ([Exit.BAD_INPUT, Exit.INTERRUPTED], Exit.INTERRUPTED),
    ],
)
def test_the_worst_of_several_is_the_exit_code(codes: list[Exit], worst: Exit) -> None:
    assert driving(codes=codes)._end() is worst
    assert driving(codes=codes[::-1])._end() is worst


# Passwords


def test_a_password_is_asked_for_only_where_sudo_wants_one() -> None:
    asked: list[str] = []

    def ask(host: str) -> str:
        asked.append(host)
        return "s3cret"

    free, locked = several(FACTS, "free", "locked")
    locked.asks_for = "s3cret"
    assert driving(free, locked, sudo=Sudo(ask=ask)).plan() is Exit.DONE
    assert asked == ["locked"]


def test_a_password_that_is_known_is_sent_at_once_and_a_wrong_one_refused() -> None:
    lab = one(asks_for="s3cret")
    assert driving(lab, sudo=Sudo(password=KNOWN)).plan() is Exit.DONE
    ui = Recorder()
    assert driving(one(asks_for="other"), ui=ui, sudo=Sudo(password=KNOWN)).plan() is Exit.UNREACHABLE
    assert ui.of("failed")[0].message == "lab: the sudo password is wrong"
    assert "s3cret" not in repr(ui.shown)


def test_nobody_is_asked_before_the_profile_was_read() -> None:
    Path("workstation.toml").write_text("[jupyter]\nport = 1\n")
    asked: list[str] = []
    lab = one(asks_for="x")
    with pytest.raises(InputError):
        driving(lab, sudo=Sudo(ask=lambda host: asked.append(host) or "")).plan()  # type: ignore[func-returns-value]
    assert asked == []


def test_without_sudo_nobody_becomes_root() -> None:
    lab = one()
    driving(lab, sudo=Sudo(wanted=False)).plan()
    assert lab.streams[0].header["sudo"] is False


# Applying


def test_an_apply_asks_once_and_follows_every_machine() -> None:
    ui = Recorder()
    machines = [*several(FACTS, "a", "b"), FakeMachine("idle", replace(FACTS, hostname="idle"), pending=nothing)]
    assert driving(*machines, ui=ui).apply() is Exit.DONE
    assert [sorted(plans) for plans in ui.asked] == [["a", "b"]]
    assert [found.asked for found in machines] == [["plan", "go", "bye"], ["plan", "go", "bye"], ["plan", "bye"]]
    assert ui.of("event", "a") == [STARTED, ended()]


def test_a_person_who_says_no_changes_nothing() -> None:
    ui, lab = Recorder(answer=False), one()
    assert driving(lab, ui=ui).apply() is Exit.INTERRUPTED
    assert lab.asked == ["plan", "bye"]


def test_nothing_to_do_is_not_asked_about() -> None:
    ui, lab = Recorder(answer=False), one(pending=nothing)
    assert driving(lab, ui=ui).apply() is Exit.DONE
    assert ui.asked == []


@pytest.mark.parametrize(
    ("result", "code"),
    [("done", Exit.DONE), ("failed", Exit.FAILED), ("reboot-needed", Exit.REBOOT_NEEDED), ("interrupted", Exit.INTERRUPTED)],
)
def test_how_a_run_ended_is_the_exit_code(result: str, code: Exit) -> None:
    assert driving(one(events=(STARTED, ended(result)))).apply() is code


def test_checks_after_an_apply_are_shown_together() -> None:
    ui = Recorder()
    driving(one(events=(STARTED, verdict("a"), verdict("b", "failed"), ended("failed"))), ui=ui).apply()
    ((plan, verdicts),) = ui.of("verdicts")
    assert plan is None
    assert [(found.name, found.outcome.value) for found in verdicts] == [("a", "passed"), ("b", "failed")]


def lock(name: str) -> dict[str, Any]:
    return event(events.RESULT, name="lock", subject=name, text=f"# {name}\nnumpy==2.0 --hash=sha256:{'0' * 64}\n")


def test_locks_that_runs_report_are_kept_beside_the_profile() -> None:
    Path("workstation.toml").write_text("schema = 1\n")
    ui = Recorder()
    machines = several(FACTS, "a", "b")
    for found, name in zip(machines, ("torch", "old"), strict=True):
        found.events = (STARTED, lock(name), event(events.RESULT, name="other", subject="x", text="y"), ended())
    assert driving(*machines, ui=ui).apply() is Exit.DONE
    kept = Path("workstation.lock").read_text()
    assert "torch" in kept
    assert "old" in kept
    assert any("workstation.lock" in note for note in ui.of("note"))


def test_both_kinds_of_locks_are_kept_and_what_a_run_did_not_solve_stays() -> None:
    Path("workstation.toml").write_text("schema = 1\n")
    write_locks(Path("workstation.lock"), {"b": Lock(pip_lock(numpy="1"), conda_lock(python="3.12.7"))})
    reports = (reported("x:a", conda_lock(python="3.13.9"), "conda-lock"), reported("x:a", pip_lock(fastai="2")))
    driving(one(events=(STARTED, *reports, reported("x:b", pip_lock(numpy="2")), ended()))).apply()
    assert read_locks(Path("workstation.lock")) == {
        "a": Lock(pip_lock(fastai="2"), conda_lock(python="3.13.9")),
        "b": Lock(pip_lock(numpy="2"), conda_lock(python="3.12.7")),
    }


def test_a_rehearsal_keeps_no_locks() -> None:
    Path("workstation.toml").write_text("schema = 1\n")
    driving(one(events=(STARTED, lock("torch"), ended())), keeps_locks=False).apply()
    assert not Path("workstation.lock").exists()


def test_a_run_that_ends_without_a_word_was_killed() -> None:
    ui = Recorder()
    assert driving(one(events=(STARTED,)), ui=ui).apply() is Exit.FAILED
    assert "its process was killed" in ui.of("failed")[0].message


def test_a_link_that_is_lost_leaves_the_run_and_says_how_to_follow_it() -> None:
    ui = Recorder()
    assert driving(one(events=(STARTED, LOST)), ui=ui).apply() is Exit.UNREACHABLE
    (error,) = ui.of("failed")
    assert "run r1 goes on by itself" in error.message
    assert error.hint == "`provision attach r1 --host lab` follows it"


def test_one_that_may_not_begin_is_told_and_the_others_go_on() -> None:
    ui = Recorder()
    bad, good = several(FACTS, "bad", "good")
    bad.errors = {"go": ProvisionError("run x (pid 3) is at work on this machine", hint="`provision attach x` follows it")}
    assert driving(bad, good, ui=ui).apply() is Exit.FAILED
    assert [host for kind, host, _ in ui.shown if kind == "failed"] == ["bad"]
    assert ui.of("event", "good")[-1]["result"] == "done"


# What stops an apply

STOPPING = """\
\"\"\"Stops.\"\"\"
from provision.catalog.role import Note, role
from provision.errors import ProvisionError
from provision.resources import Directory


def busy(profile, facts, circumstances):
    if circumstances.even_if_busy and not circumstances.remote:
        return None
    return ProvisionError(f"busy: {sorted(circumstances.pending)}, remote {circumstances.remote}", hint="`--even-if-busy`")


@role(stops=busy)
def gpu(profile, facts):
    yield Note(summary="a driver", why="the newest", warnings=("it is large",))
    yield Directory(path="/srv/gpu")
"""


def stopping(*machines: FakeMachine, ui: Recorder, **more: Any) -> Drive:  # noqa: ANN401 - the drive's own fields
    Path("mine").mkdir(exist_ok=True)
    Path("mine/gpu.py").write_text(STOPPING)
    return driving(*machines, ui=ui, request=Request(roles=("base", "gpu"), role_paths=(Path("mine"),)), **more)


def test_a_role_that_stops_an_apply_is_shown_in_the_plan_and_nothing_begins() -> None:
    ui, lab = Recorder(), one()
    assert stopping(lab, ui=ui).apply() is Exit.FAILED
    assert lab.asked == ["plan", "bye"]
    assert ui.asked == []
    ((note,),) = ui.of("notes", "lab")
    assert (note.role, note.note.summary, note.note.warnings) == ("gpu", "a driver", ("it is large",))
    assert (note.stops, note.hint) == ("busy: ['directory'], remote True", "`--even-if-busy`")
    assert [error.message for error in ui.of("failed", "lab")] == [note.stops]


def test_a_plan_only_says_that_an_apply_would_stop() -> None:
    ui = Recorder()
    assert stopping(one(), ui=ui).plan() is Exit.DONE
    assert ui.of("notes")[0][0].stops
    assert not ui.of("failed")


def test_who_insists_is_let_through_where_that_is_allowed() -> None:
    ui, near, far = Recorder(), one(remote=False), one()
    assert stopping(near, ui=ui, even_if_busy=True).apply() is Exit.DONE
    assert "go" in near.asked
    assert ui.of("notes")[0][0].stops == ""
    assert stopping(far, ui=ui, even_if_busy=True).apply() is Exit.FAILED


def test_a_role_with_nothing_to_change_stops_nothing() -> None:
    ui, lab = Recorder(), one(pending=lambda key: key != "directory:/srv/gpu")
    assert stopping(lab, ui=ui).apply() is Exit.DONE
    assert "go" in lab.asked


def test_what_stops_on_one_machine_stops_no_other() -> None:
    ui, stopped, free = Recorder(), one(), FakeMachine("free", replace(FACTS, hostname="free"), remote=False)
    assert stopping(stopped, free, ui=ui, even_if_busy=True).apply() is Exit.FAILED
    assert ["go" in found.asked for found in (stopped, free)] == [False, True]


# Verifying


def test_verify_is_an_empty_plan_and_checks_that_pass() -> None:
    ui = Recorder()
    assert driving(one(pending=nothing), ui=ui).verify() is Exit.DONE
    ((plan, verdicts),) = ui.of("verdicts")
    assert plan is not None
    assert len(verdicts) == 1
    assert driving(one()).verify() is Exit.CHANGES_PENDING
    assert driving(one(verdicts=(verdict("a", "failed"),))).verify() is Exit.FAILED
    assert driving(one(pending=nothing, verdicts=(verdict("a", "skipped"),))).verify() is Exit.DONE
    assert judge(None, ()) is Exit.DONE
