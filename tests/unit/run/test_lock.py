"""Solving environments anew: which, what is shown, what is written, and that nothing else is asked of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from provision.agent.events import Event
from provision.catalog.model import load
from provision.errors import Exit, InputError, ProvisionError, UnreachableError
from provision.profile.lock import Lock
from provision.profile.lock_changes import LockChange, PackageChange
from provision.profile.locks import read_locks, write_locks
from provision.resources import UvEnvironment
from provision.run.connect import Sudo
from provision.run.lock import lock
from provision.run.request import Request
from tests.fake_agent import LOST, FakeMachine
from tests.unit.run.driving import one
from tests.unit.run.locking import begun, conda_lock, done, failed, found, pip_lock, solved
from tests.unit.run.recorder import Recorder

pytestmark = pytest.mark.usefixtures("alone")
LOCK = Path("workstation.lock")
PROFILE = 'roles = ["environments"]\n[[environment]]\nname = "lab"\npackages = ["numpy"]\n[[environment]]\nname = "old"\n'


def locking(machine: FakeMachine, *names: str, upgrade: bool = False, ui: Recorder | None = None, profile: str = PROFILE) -> Exit:
    Path("workstation.toml").write_text(profile)
    return lock(machine, Request(), Sudo(), ui or Recorder(), names=names, upgrade=upgrade)


def solver(_name: str, key: str) -> tuple[Event, ...]:
    return solved(key, numpy="2.4.6", ipykernel="7.4.0")


def asked(machine: FakeMachine) -> Sequence[str]:
    (message,) = [message for message in machine.heard if message["do"] == "solve"]
    resources = [entry.resource for entry in load(message["catalog"]).entries]
    assert all(isinstance(resource, UvEnvironment) and not resource.lock for resource in resources)
    assert [resource.identity for resource in resources] == message["names"]
    names: list[str] = message["names"]
    return names


def test_what_has_no_lock_is_solved_shown_and_written() -> None:
    ui, lab = Recorder(), one(solving=solver)
    assert locking(lab, ui=ui) is Exit.DONE
    assert lab.asked == ["solve", "bye"]
    assert asked(lab) == ["lab", "old"]
    new = Lock(pip_lock(numpy="2.4.6", ipykernel="7.4.0"))
    assert read_locks(LOCK) == {"lab": new, "old": new}
    ((first, second),) = ui.of("locks", "lab")
    assert (first.environment, first.packages, first.first, len(first.changes)) == ("lab", 2, True, 2)
    assert second.environment == "old"
    assert ui.of("note") == ["wrote workstation.lock: `provision apply` installs it"]
    assert "solving lab · reading the index" in ui.of("connecting")


def test_what_has_a_lock_stays_unless_newer_packages_are_asked_for() -> None:
    write_locks(LOCK, {"lab": Lock(pip_lock(numpy="2.4.6")), "old": Lock(pip_lock(numpy="1.0"))})
    before = LOCK.read_bytes()
    ui, lab = Recorder(), one(solving=solver)
    assert locking(lab, ui=ui) is Exit.DONE
    assert lab.asked == ["bye"]
    assert ui.of("note") == ["every environment has its lock: `--upgrade` looks for newer packages"]
    assert LOCK.read_bytes() == before
    lab = one(solving=solver)
    assert locking(lab, "old", ui=ui, upgrade=True) is Exit.DONE
    assert asked(lab) == ["old"]
    assert read_locks(LOCK)["lab"] == Lock(pip_lock(numpy="2.4.6"))
    assert ui.of("locks")[-1] == (
        LockChange(
            environment="old",
            packages=2,
            first=False,
            changes=(
                PackageChange(name="ipykernel", manager="pip", before="", after="7.4.0"),
                PackageChange(name="numpy", manager="pip", before="1.0", after="2.4.6"),
            ),
        ),
    )


def test_a_lock_for_other_packages_counts_as_none() -> None:
    stale = f"#    provision request=0000000000000000 python=3.12\n{pip_lock(numpy='1.0')}"
    write_locks(LOCK, {"lab": Lock(stale), "old": Lock(pip_lock(numpy="1.0"))})
    lab = one(solving=solver)
    assert locking(lab) is Exit.DONE
    assert asked(lab) == ["lab"]


def test_nothing_newer_leaves_the_file_alone() -> None:
    write_locks(LOCK, {"lab": Lock(pip_lock(numpy="2.4.6", ipykernel="7.4.0")), "other": Lock(pip_lock(x="1"))})
    before, ui = LOCK.stat(), Recorder()
    assert locking(one(solving=solver), "lab", ui=ui, upgrade=True) is Exit.DONE
    assert (LOCK.stat().st_ino, LOCK.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert ui.of("locks")[0][0].changes == ()
    assert ui.of("note") == ["workstation.lock is as it was"]


def test_locks_of_both_kinds_belong_together() -> None:
    def both(_name: str, key: str) -> tuple[Event, ...]:
        return (begun(key), found(key, conda_lock(python="3.12.12"), "conda-lock"), found(key, pip_lock(fastai="2.8")), done(key))

    assert locking(one(solving=both), "lab") is Exit.DONE
    assert read_locks(LOCK)["lab"] == Lock(pip_lock(fastai="2.8"), conda_lock(python="3.12.12"))


def test_one_that_cannot_be_solved_is_named_and_the_others_are_written() -> None:
    ui = Recorder()

    def half(name: str, key: str) -> tuple[Event, ...]:
        return solver(name, key) if name == "old" else (begun(key), failed(key))

    assert locking(one(solving=half), ui=ui) is Exit.FAILED
    (error,) = ui.of("failed")
    assert (error.message, error.hint, error.evidence) == ("lab: nothing provides `x`", "look", "the solver said so")
    assert set(read_locks(LOCK)) == {"old"}


def test_when_none_can_be_solved_nothing_is_written() -> None:
    assert locking(one(solving=lambda _name, key: (begun(key), failed(key)))) is Exit.FAILED
    assert not LOCK.exists()


@pytest.mark.parametrize(
    ("name", "hint"), [("lba", "did you mean `lab`?"), ("zzz", "there are: `lab`, `old`"), ("torch", "there are: `lab`, `old`")]
)
def test_an_unknown_environment_is_bad_input(name: str, hint: str) -> None:
    lab = one()
    with pytest.raises(InputError, match=f"no environment `{name}` here") as caught:
        locking(lab, "old", name)
    assert caught.value.hint == hint
    assert lab.asked == ["bye"]


def test_without_environments_there_is_nothing_to_lock() -> None:
    ui, lab = Recorder(), one()
    assert locking(lab, ui=ui, profile='roles = ["ssh"]\n') is Exit.DONE
    assert ui.of("note") == ["there is no environment to lock here"]
    assert lab.asked == ["bye"]


def test_a_lock_in_a_file_of_its_own_is_not_solved() -> None:
    Path("pylock.toml").write_text(
        'lock-version = "1.0"\n[[packages]]\nname = "ipykernel"\nversion = "7.4.0"\n'
        f'wheels = [{{ name = "x", hashes = {{ sha256 = "{"0" * 64}" }} }}]\n'
    )
    profile = PROFILE.replace('packages = ["numpy"]', 'file = "pylock.toml"')
    lab = one(solving=solver)
    assert locking(lab, upgrade=True, profile=profile) is Exit.DONE
    assert asked(lab) == ["old"]
    with pytest.raises(InputError, match="the lock of `lab` is a file of its own"):
        locking(one(), "lab", profile=profile)
    ui = Recorder()
    assert locking(one(), ui=ui, profile=profile.partition('[[environment]]\nname = "old"')[0]) is Exit.DONE
    assert "made elsewhere" in ui.of("note")[0]


def test_what_is_wrong_with_the_machine_is_the_error() -> None:
    with pytest.raises(UnreachableError, match="lab does not answer"):
        locking(one(unreachable="lab does not answer"))
    with pytest.raises(ProvisionError, match="at work"):
        locking(one(errors={"solve": ProvisionError("run x is at work on this machine")}))
    with pytest.raises(UnreachableError):
        locking(one(solving=lambda _name, key: (begun(key), LOST)))
    assert not LOCK.exists()


def test_bad_input_is_found_before_anybody_is_asked_for_a_password() -> None:
    questions: list[str] = []
    sudo = Sudo(ask=lambda host: questions.append(host) or "")  # type: ignore[func-returns-value]
    Path("workstation.toml").write_text("[jupyter]\nport = 1\n")
    with pytest.raises(InputError):
        lock(one(asks_for="x"), Request(), sudo, Recorder(), names=(), upgrade=False)
    assert not questions


def test_what_is_no_lock_is_not_written() -> None:
    bad = "numpy @ https://me:pw@mirror.test/numpy.whl\n"
    with pytest.raises(InputError) as caught:
        locking(one(solving=lambda _name, key: (begun(key), found(key, bad), done(key))))
    assert "pw" not in caught.value.message
    assert not LOCK.exists()


def test_a_profile_that_does_not_fit_the_machine_is_told() -> None:
    nobody = one()
    nobody.facts = replace(nobody.facts, people=(), login="")
    with pytest.raises(InputError):
        locking(nobody)
