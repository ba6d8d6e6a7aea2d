"""`provision lock` on a machine whose agent is in this process: what is said, written, and how it exits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from provision.agent.events import Event
from provision.errors import Exit
from provision.profile.lock import Lock
from provision.profile.locks import read_locks, write_locks
from tests.cli.conftest import Provision
from tests.fake_agent import FakeMachine, several
from tests.unit.run.driving import FACTS, one
from tests.unit.run.locking import begun, failed, pip_lock, solved

Here = Callable[..., None]
LOCK = Path("workstation.lock")
OLD = Lock(pip_lock(numpy="1.26.4", left_pad="1.0", torch="2.15.0"))


@pytest.fixture
def profile(alone: Path) -> Path:
    path = alone / "workstation.toml"
    path.write_text(
        'roles = ["environments"]\n[[environment]]\nname = "lab"\npackages = ["numpy", "torch"]\n[[environment]]\nname = "old"\n'
    )
    return path


def newer(name: str, key: str) -> tuple[Event, ...]:
    return solved(key, numpy="2.4.6", torch="2.15.0", triton="3.9") if name == "lab" else solved(key, ipykernel="7.4.0")


def half(name: str, key: str) -> tuple[Event, ...]:
    return newer(name, key) if name == "lab" else (begun(key), failed(key))


@pytest.fixture
def lab(here: Here, profile: Path) -> FakeMachine:
    made = one(solving=newer)
    here(made)
    return made


def test_first_locks_then_newer_ones_then_nothing_newer(
    provision: Provision, lab: FakeMachine, snapshot: SnapshotAssertion
) -> None:
    said = [provision("lock")]
    write_locks(LOCK, {**read_locks(LOCK), "lab": OLD})
    said += [provision("lock"), provision("lock", "lab", "--upgrade"), provision("lock", "-U"), provision("lock", "-Uv")]
    assert [(each.code, each.out) for each in said] == [(0, "")] * 5
    assert [each.err for each in said] == snapshot


def test_for_programs(provision: Provision, lab: FakeMachine) -> None:
    write_locks(LOCK, {"lab": OLD})
    said = provision("lock", "lab", "--upgrade", "--json")
    assert (said.code, said.err) == (0, "")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [line["type"] for line in lines] == ["facts", "lock", "note", "end"]
    assert lines[1] == {
        "schema": 1,
        "host": "lab",
        "type": "lock",
        "environment": "lab",
        "packages": 3,
        "first": False,
        "changes": [
            {"name": "left-pad", "manager": "pip", "before": "1.0", "after": ""},
            {"name": "numpy", "manager": "pip", "before": "1.26.4", "after": "2.4.6"},
            {"name": "triton", "manager": "pip", "before": "", "after": "3.9"},
        ],
    }
    assert lines[-1]["exit"] == 0


def test_one_that_cannot_be_solved(provision: Provision, here: Here, profile: Path, snapshot: SnapshotAssertion) -> None:
    here(one(solving=half))
    said = provision("lock")
    assert said.code == Exit.FAILED
    assert said.err == snapshot
    assert set(read_locks(LOCK)) == {"lab"}
    here(one(solving=half))
    lines = [json.loads(line) for line in provision("lock", "old", "--json").out.splitlines()]
    assert [line["type"] for line in lines] == ["facts", "error", "end"]
    assert lines[-1]["exit"] == Exit.FAILED


def test_bad_input(provision: Provision, lab: FakeMachine) -> None:
    said = provision("lock", "lba")
    assert said.code == Exit.BAD_INPUT
    assert "error: no environment `lba` here" in said.err
    assert "did you mean `lab`?" in said.err
    assert not LOCK.exists()


def test_one_machine_at_a_time(provision: Provision, here: Here, profile: Path) -> None:
    here(*several(FACTS, "a", "b"))
    said = provision("lock", "--host", "a", "--host", "b")
    assert said.code == Exit.BAD_INPUT
    assert "one `--host`" in said.err


def test_a_machine_that_does_not_answer(provision: Provision, here: Here, profile: Path) -> None:
    here(one(unreachable="lab does not answer"))
    said = provision("lock")
    assert said.code == Exit.UNREACHABLE
    assert "lab does not answer" in said.err


def test_another_machine_and_profile(provision: Provision, here: Here, profile: Path) -> None:
    first, second = several(FACTS, "a", "b")
    second.solving = newer
    here(first, second)
    profile.rename("other.toml")
    assert provision("lock", "--host", "b", "--profile", "other.toml").code == 0
    assert (first.asked, second.asked) == ([], ["solve", "bye"])
    assert set(read_locks(Path("other.lock"))) == {"lab", "old"}
