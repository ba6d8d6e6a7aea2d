"""What is known of boxes, and what is swept away: only what a dead owner left."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from provision.box import state
from provision.box.process import Process, children, end_tree, process, this
from provision.box.state import State, load, new, remove, states, sweep

DEAD = Process(pid=os.getpid(), start=1)
"""Our pid, of an earlier process."""


@pytest.fixture(autouse=True)
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(state, "STATES", tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def sleeper() -> Iterator[Process]:
    with subprocess.Popen(["sleep", "60"]) as child:
        found = process(child.pid)
        assert found
        yield found
        child.kill()


def box(tmp_path: Path, name: str = "box-1") -> State:
    disk = tmp_path / "disks" / name
    disk.mkdir(parents=True)
    (disk / "file").write_text("x")
    made = new(name, disk)
    made.save()
    return made


def test_a_state_reads_back(tmp_path: Path, sleeper: Process) -> None:
    made = replace(box(tmp_path), holder=sleeper, cgroups=("/a", "/b"), port=7)
    made.save()
    assert load("box-1") == made
    assert states() == (made,)
    assert made.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "x"}', '{"owner": 1, "holder": null, "network": null}'])
def test_an_unreadable_state_is_none(tmp_path: Path, text: str) -> None:
    made = box(tmp_path)
    (made.folder / "state.json").write_text(text)
    assert load("box-1") is None
    assert states() == ()


def test_a_living_owner_keeps_its_box(tmp_path: Path) -> None:
    box(tmp_path)
    assert sweep() == ()
    assert (tmp_path / "disks/box-1/file").exists()


def test_a_dead_owners_box_is_removed_whole_and_others_stay(tmp_path: Path, sleeper: Process, run_folder: Path) -> None:
    other = box(tmp_path, "box-2")
    replace(box(tmp_path), owner=DEAD, network=sleeper).save()
    assert sweep() == ("box-1",)
    assert not sleeper.alive()
    assert not (tmp_path / "disks/box-1").exists()
    assert other.folder.exists()
    remove(other)
    assert not run_folder.exists()


def test_a_kept_box_is_swept_only_once_it_has_stopped(tmp_path: Path, sleeper: Process) -> None:
    replace(box(tmp_path), owner=DEAD, kept=True, holder=sleeper).save()
    assert sweep() == ()
    sleeper.end()
    assert sweep() == ("box-1",)


def test_a_process_that_took_a_dead_ones_pid_is_left_alone(tmp_path: Path, sleeper: Process) -> None:
    earlier = replace(sleeper, start=sleeper.start - 1)
    replace(box(tmp_path), owner=DEAD, holder=earlier, network=earlier).save()
    assert sweep() == ("box-1",)
    assert sleeper.alive()


def test_a_folder_without_state_is_swept_when_it_is_old(run_folder: Path) -> None:
    (run_folder / "box-3").mkdir(parents=True)
    assert sweep() == ()
    os.utime(run_folder / "box-3", (1, 1))
    assert sweep() == ("box-3",)


def test_only_cgroups_of_boxes_are_ended(tmp_path: Path, sleeper: Process) -> None:
    for name, ended in (("elsewhere", False), ("provision-box-box-1", True)):
        cgroup = tmp_path / name
        (cgroup / "payload").mkdir(parents=True)
        (cgroup / "payload" / "cgroup.procs").write_text(f"{sleeper.pid}\n0\n")
        if not ended:
            remove(replace(box(tmp_path), cgroups=(str(cgroup),)))
            assert sleeper.alive()
        else:
            state._end_cgroup(cgroup, wait=0.05)
            assert sleeper.end(signal.SIGCONT, wait=1)


def test_a_tree_is_ended_from_the_inside_so_that_each_parent_sees_its_child_end(tmp_path: Path) -> None:
    done = tmp_path / "done"
    script = f"sh -c 'sleep 60 & wait $!; exit 9'; echo $? > {done}"
    with subprocess.Popen(["sh", "-c", script]) as child:
        while not (children(child.pid) and children(children(child.pid)[0])):
            assert child.poll() is None
        holder, inner = process(child.pid), process(children(children(child.pid)[0])[0])
        assert holder
        assert inner
        end_tree(holder)
        assert child.wait(5) == 0
    assert not inner.alive()
    assert done.read_text() == "9\n"


def test_processes() -> None:
    assert this().alive()
    assert process(2**22 + 5) is None
    assert Process(pid=2**22 + 5, start=1).end()
