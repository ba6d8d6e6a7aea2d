"""Runs on disk: private, redacted, one at a time, listed whatever state they are in."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from provision.agent import runs
from provision.agent.journal import Journal
from provision.errors import InputError, ProvisionError
from tests.unit.agent.past_runs import CHANGED, ENDED, OK, STARTED, held, written

CANARY = "canary-91bc"
pytestmark = pytest.mark.usefixtures("places")


def create(**orders: Any) -> runs.Run:  # noqa: ANN401 - JSON values
    return runs.create(orders=orders, redacted={"token": "***"}, plan={"entries": []}, agent=b"agent")


def mode(path: str | Path) -> int:
    return Path(path).stat().st_mode & 0o7777


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_root_can_look_at_a_run(umask: int) -> None:
    before = os.umask(umask)
    try:
        run = create(secret=CANARY)
    finally:
        os.umask(before)
    assert [mode(path) for path in (runs.STATE, f"{runs.STATE}/runs", runs.RUNTIME, run.path)] == [0o700] * 4
    files = [*Path(run.path).iterdir(), Path(run.orders)]
    assert {path.name for path in files} == {
        "agent",
        "alive",
        "catalog.json",
        "journal.jsonl",
        "plan.json",
        Path(run.orders).name,
    }
    assert {mode(path) for path in files} == {0o600}


def test_secrets_are_in_memory_only() -> None:
    run = create(secret=CANARY)
    assert json.loads(Path(run.orders).read_text()) == {"secret": CANARY}
    for path in Path(runs.STATE).rglob("*"):
        assert path.is_dir() or CANARY not in path.read_text()


def test_a_directory_that_others_could_read_is_made_private() -> None:
    Path(runs.STATE).mkdir(parents=True, mode=0o755)
    Path(runs.STATE).chmod(0o755)
    create()
    assert mode(runs.STATE) == 0o700


def test_two_runs_in_a_second_have_different_ids() -> None:
    assert len({create().id for _ in range(5)}) == 5


# The lock


def test_who_holds_the_lock_is_named() -> None:
    runs.Lock().check()
    with held(f"{runs.RUNTIME}/lock", text='{"run": "20261122-1", "pid": 4242}'):
        with pytest.raises(ProvisionError, match=r"run 20261122-1 \(pid 4242\) is at work") as caught:
            runs.Lock().check()
        assert caught.value.hint == "`provision attach 20261122-1` follows it"
        with pytest.raises(ProvisionError, match="pid 4242"):
            runs.Lock().take(runs.Run("other"))
    runs.Lock().check()


@pytest.mark.parametrize("text", ["", "{torn", "\xff"])
def test_a_holder_that_has_not_said_who_it_is(text: str) -> None:
    runs.Lock().check()
    with held(f"{runs.RUNTIME}/lock", text=text), pytest.raises(ProvisionError, match="another run is at work"):
        runs.Lock().check()


def test_whoever_takes_the_lock_says_so_in_it() -> None:
    lock = runs.Lock()
    Path(runs.RUNTIME, "lock").write_text("something longer than what follows, from a run before this one")
    lock.take(runs.Run("r7"))
    assert json.loads(Path(runs.RUNTIME, "lock").read_text()) == {"run": "r7", "pid": os.getpid()}
    assert mode(f"{runs.RUNTIME}/lock") == 0o600
    with pytest.raises(ProvisionError, match=rf"run r7 \(pid {os.getpid()}\)"):
        runs.Lock().check()
    os.close(lock._fd)


# Looking at runs


def test_runs_are_found_by_id_or_the_newest() -> None:
    with pytest.raises(InputError, match="no run on this machine yet"):
        runs.find("")
    for name in ("20260101-1", "20260301-1", "20260201-1"):
        written(name)
    Path(runs.STATE, "runs", "empty").mkdir()
    assert runs.names() == ["20260101-1", "20260201-1", "20260301-1"]
    assert runs.find("").id == "20260301-1"
    assert runs.find("20260101-1").id == "20260101-1"
    for bad in ("nothing", "../runs/20260101-1", "empty"):
        with pytest.raises(InputError, match="no run") as caught:
            runs.find(bad)
        assert caught.value.hint == "`provision runs`"


def test_a_run_that_ended() -> None:
    assert runs.summary(written("a", STARTED, CHANGED, OK, ENDED)) == {
        "run": "a",
        "started": 1000.0,
        "seconds": 2.3,
        "result": "done",
        "changed": 1,
        "message": "",
    }


def test_a_run_that_goes_on_and_one_that_was_killed() -> None:
    run = written("a", STARTED, CHANGED)
    assert run.pid() == 77
    with held(f"{run.path}/alive"):
        assert run.alive()
        assert runs.summary(run)["result"] == "running"
    assert not run.alive()
    assert runs.summary(run) == {**runs.summary(run), "result": "killed", "changed": 1, "seconds": 1.0}


def test_a_run_that_never_said_a_word() -> None:
    run = written("a")
    assert run.pid() == 0
    assert runs.summary(run) == {
        "run": "a", "started": None, "seconds": None, "result": "killed", "changed": 0, "message": ""
    }  # fmt: skip


@pytest.mark.parametrize("garbage", ["not json\n", "1\n", "{}\n", "[[]]\n", '{"event": "run-ended"}\n', "\x00\x00\n"])
def test_a_damaged_journal_is_said_to_be_unreadable(garbage: str) -> None:
    run = written("a")
    Path(run.journal).write_text(garbage)
    found = runs.summary(run)
    assert (found["run"], found["result"]) == ("a", "unreadable")
    assert found["message"]


def test_a_run_whose_files_are_gone_is_unreadable() -> None:
    run = written("a", STARTED)
    Path(run.path, "alive").unlink()
    assert runs.summary(run)["result"] == "unreadable"


def test_the_oldest_runs_beyond_fifty_are_forgotten_unless_they_go_on() -> None:
    everything = [written(f"{number:03}", STARTED, ENDED) for number in range(54)]
    with held(f"{everything[1].path}/alive"):
        runs.forget_old()
    assert runs.names() == ["001", *(f"{number:03}" for number in range(4, 54))]
    assert len(runs.names()) == runs.KEPT + 1


# Setting one going


def test_systemd_that_refuses_leaves_no_secret_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    argvs: list[list[str]] = []

    def refuses(argv: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        argvs.append(argv)
        return subprocess.CompletedProcess(argv, 1, "", "Failed to connect to bus\n")

    monkeypatch.setattr("provision.agent.runs.os.path.isdir", lambda _path: True)
    monkeypatch.setattr(subprocess, "run", refuses)
    run = create(secret=CANARY)
    with pytest.raises(ProvisionError, match="systemd would not start the run") as caught:
        runs.spawn(run)
    assert caught.value.evidence == "Failed to connect to bus"
    assert not Path(run.orders).exists()
    assert argvs[0][0] == "systemd-run"
    assert CANARY not in " ".join(argvs[0])


def test_a_run_is_a_unit_of_its_own_without_a_pipe_to_us(monkeypatch: pytest.MonkeyPatch) -> None:
    argvs: list[list[str]] = []

    def agrees(argv: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        argvs.append(argv)
        return subprocess.CompletedProcess(argv, 0, "", "")

    monkeypatch.setattr("provision.agent.runs.os.path.isdir", lambda _path: True)
    monkeypatch.setattr(subprocess, "run", agrees)
    run = create()
    runs.spawn(run)
    assert f"--unit=provision-{run.id}" in argvs[0]
    assert argvs[0][-1] == run.path
    assert not {"--pipe", "-P", "--pty", "--wait"} & set(argvs[0])


def test_without_systemd_a_run_is_a_detached_process(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = zlib.compress(
        b"import os,sys\nopen(sys.argv[1]+'/said','w').write(f'{os.getsid(0)!=int(os.environ[\"TEST_SID\"])} {ENTRY}')\n"
        b"os.rename(sys.argv[1]+'/said',sys.argv[1]+'/done')\n"
    )
    monkeypatch.setattr("provision.agent.runs.os.path.isdir", lambda _path: False)
    monkeypatch.setenv("TEST_SID", str(os.getsid(0)))
    run = runs.create(orders={}, redacted={}, plan={}, agent=agent)
    runs.spawn(run)
    done = Path(run.path, "done")
    for _ in range(200):
        if done.exists():
            break
        signal.sigtimedwait([], 0.05)
    assert done.read_text() == "True executor"


def test_a_lock_on_a_file_goes_with_its_process() -> None:
    run = written("a", STARTED)
    with Path(run.path, "alive").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert run.alive()
    assert not run.alive()


def test_a_journal_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Journal(str(tmp_path / "nowhere" / "journal"))
