"""Conda environments from a channel of stand-ins: made, locked, the same on two machines, moved on, repaired, and what fails.

About 2 minutes on two processors. `conda` and `mamba` are stand-ins, too: no channel that has the real ones can be reached.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provision.box.box import Box
from provision.box.snapshot import differences, take
from tests.conda_server import Fault
from tests.system.conda_lab import INDEX, PREFIX, Lab, processes, settle
from tests.system.driving import undone, until

pytestmark = pytest.mark.box

TREES = ("/etc", "/home", "/opt", "/root", "/srv", "/usr/local", "/var/cache", "/var/lib")
KEY = "conda_environment:lab"
BIG, BULK_FILES = "bulk-1.0-0", 64
SMALL, MOUNTED = "/root/small.img", "/mnt/small"


@pytest.fixture(scope="module")
def lab_box(_boxes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box(packages=("ntfs-3g",)) as box:
        settle(box, tmp_path_factory.mktemp("channel"))
        yield box


@pytest.fixture
def lab(lab_box: Box, tmp_path: Path) -> Lab:
    lab = Lab(lab_box, tmp_path)
    lab.anew()
    return lab


def test_from_nothing_to_a_kernel(lab: Lab) -> None:
    lab.wants("beta", "tensor", "antique", pip=["ipykernel"], base=True)
    whole = ("environments", "--skip", "base")
    plan = lab.driver.run("plan", *whole)
    assert plan.pending[KEY]["status"] == "known-after-apply"
    first = lab.driver.run("apply", *whole, timeout=300)
    assert first.code == 0, first
    verdicts = {event["name"]: event["outcome"] for event in first.events if event["event"] == "verdict"}
    assert set(verdicts.values()) == {"passed"}, first
    assert {"lab computes", "lab is sound", "kernel lab", "conda activates"} <= set(verdicts)
    assert lab.locked["tensor"] == "2.11.0 cpu_0", "no GPU, no CUDA"
    assert "://" not in lab.lock["conda"]
    assert "127.0.0.1" not in lab.lock["conda"]

    before = take(lab.box, trees=TREES)
    again = lab.driver.run("apply", *whole)
    assert (again.code, again.pending, again.events) == (0, {}, [])
    assert differences(before, take(lab.box, trees=TREES)) == ()
    assert lab.driver.run("verify", *whole).code == 0

    login = ["bash", "-lc", f"conda list; conda activate {PREFIX}; hello; conda list"]
    base, _, active = lab.box.succeed(login, user="demo").partition("hello 1.1.0\n")
    assert {"conda-26.9.0-0", "mamba-2.9.0-0"} <= set(base.split())
    assert {"antique-0.9-0", "beta-2.0-0"} <= set(active.split())
    assert "mamba" not in active
    readable = "stat --format=%a /opt/conda/conda-meta/*.json | sort -u; wc -l < /opt/conda/conda-meta/history"
    assert lab.box.succeed(readable).split()[0] == "644", "people read what is installed"
    lab.box.fail(["test", "-w", "/opt/conda"], user="demo")


def test_two_machines_with_one_lock(lab: Lab) -> None:
    lab.wants("beta", pip=["packaging"])
    lab.goes_wrong({INDEX: {"hidden": ["alpha-1.1-0.conda"]}})
    assert lab.apply().code == 0
    assert lab.locked["alpha"] == "1.0 0"
    one, lock = lab.tree(), lab.lock
    lab.goes_wrong({})
    # Another machine: nothing of it is here, and the channel has moved on.
    lab.box.succeed(f"rm -rf {PREFIX} /home/demo/.cache")
    assert lab.apply().code == 0
    assert (lab.tree(), lab.lock) == (one, lock)
    assert len(one) > 50
    links = lab.box.succeed(["stat", "--format=%h", f"{PREFIX}/share/alpha/version.txt", f"{PREFIX}/share/alpha/where.txt"])
    assert links.split() == ["2", "1"], "one copy for the cache and all environments, unless the prefix is in it"


def test_moving_the_lock(lab: Lab) -> None:
    lab.wants("beta")
    lab.goes_wrong({INDEX: {"hidden": ["alpha-1.1-0.conda", "hello-1.1.0-pyhd8ed1ab_0.conda"]}})
    assert lab.apply().code == 0
    lab.goes_wrong({})
    assert lab.plan("--detailed-exitcode").code == 0, "that there is something newer changes nothing"
    before, lock = lab.tree(), lab.lock
    assert lab.relock().code == 0
    assert lab.lock == lock, "what has a lock keeps it"

    said = lab.driver.run("lock", "lab", "--upgrade", as_json=False)
    assert said.code == 0, said
    assert "alpha  1.0 → 1.1" in said.stderr
    assert "hello  1.0.0 → 1.1.0" in said.stderr
    assert (lab.locked["alpha"], lab.tree()) == ("1.1 0", before), "nothing is installed"
    assert list(lab.plan().pending) == [KEY]
    assert lab.apply().changed == [KEY]
    assert {"alpha-1.1-0", "hello-1.1.0-pyhd8ed1ab_0"} <= lab.records()
    assert not {"alpha-1.0-0", "hello-1.0.0-pyhd8ed1ab_0"} & lab.records()
    assert lab.box.succeed([f"{PREFIX}/bin/hello"]) == "hello 1.1.0\n"

    lab.wants("antique")
    assert lab.apply().changed == [KEY]
    assert not {"alpha-1.1-0", "beta-2.0-0"} & lab.records()
    lab.box.fail(["ls", f"{PREFIX}/share/alpha", f"{PREFIX}/lib/libbeta.so.2.0"])
    assert (lab.apply().changed, "alpha" in lab.locked) == ([], False)


DAMAGES = {
    "a record cut short": "truncate -s 100 {}/conda-meta/beta-2.0-0.json",
    "a record gone": "rm {}/conda-meta/alpha-1.1-0.json",
    "all records gone": "rm -r {}/conda-meta",
    "the interpreter gone": "rm {}/bin/python3.11",
    "the seal gone": "rm {}/provision-records.json",
    "our own record gone": "rm {}/provision.json",
}


def test_damage_is_repaired(lab: Lab) -> None:
    lab.wants("beta")
    assert lab.apply().code == 0
    sound = lab.tree()
    for what, command in DAMAGES.items():
        lab.box.succeed(command.format(PREFIX))
        assert list(lab.plan().pending) == [KEY], what
        repaired = lab.apply()
        assert (repaired.code, repaired.changed) == (0, [KEY]), (what, repaired)
        assert lab.tree() == sound, what
        assert lab.apply().changed == [], what


def test_a_file_that_no_record_misses_is_found_by_verify(lab: Lab) -> None:
    lab.wants("beta")
    assert lab.apply().code == 0
    lab.box.succeed(["truncate", "-s", "1", f"{PREFIX}/share/alpha/version.txt"])
    (said,) = lab.driver.run("verify", "environments", "--skip", "base").of("verdicts")
    found = {each["name"]: each for each in said["verdicts"]}
    assert found["lab is sound"]["outcome"] == "failed"
    assert "share/alpha/version.txt" in found["lab is sound"]["evidence"]


def killed(lab: Lab, when: str) -> bool:
    """Kill a change while it is at one of two things; return whether the environment is half-made then."""
    lab.wants("beta")
    assert lab.apply().code == 0
    before = lab.records()
    lab.wants("beta", "bulk", "antique")
    lab.goes_wrong({f"*/{BIG}*": {"rate": 2 << 20} if when == "linking" else {"stall": 1 << 20}})
    asked = lab.asked(BIG)
    child = lab.driver.start("apply", "sample")
    until(lambda: lab.asked(BIG) > asked, 60)
    whole = processes(lab.box, "'ENTRY':'executor'", f"{PREFIX}/provision-install.json")
    assert whole
    deadline = time.monotonic() + 60
    while when == "linking" and lab.sealed:  # without a pause: linking takes milliseconds
        assert time.monotonic() < deadline
    for pid in whole:
        with contextlib.suppress(ProcessLookupError):  # it ends with the one before it
            os.kill(pid, signal.SIGKILL)
    child.kill()
    child.communicate()
    lab.goes_wrong({})
    assert when == "linking" or lab.records() == before, "nothing is touched before all of it is here"
    return not lab.sealed


@pytest.mark.parametrize("when", ["downloading", "linking"])
def test_killed_in_the_middle(lab: Lab, when: str) -> None:
    tries = 1
    while killed(lab, when) != (when == "linking"):
        assert when == "linking", "nothing is touched before all of it is here"
        assert tries < 5, "it is done before we look"
        tries += 1
        lab.anew()
    after = lab.apply()
    assert (after.code, after.changed) == (0, [KEY]), after
    assert lab.apply().changed == []
    tree = lab.tree()
    lab.box.succeed(["rm", "-r", PREFIX])
    assert lab.apply().code == 0
    assert lab.tree() == tree, "as one that was never interrupted"
    assert lab.box.execute(["find", "/home/demo/.cache/provision", "-name", ".fetch-*"]).stdout == ""


FAULTS: dict[str, tuple[Fault, str]] = {
    "interrupted": ({"truncate": 1 << 20}, "bulk"),
    "wrong": ({"corrupt": 100_000}, "checksum"),
    "not there": ({"status": 404}, "404"),
    "refused": ({"status": 503}, "503"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_download_that_fails(lab: Lab, fault: str) -> None:
    lab.wants("beta")
    assert lab.apply().code == 0
    before = lab.tree()
    lab.wants("beta", "bulk")
    wrong, words = FAULTS[fault]
    lab.goes_wrong({f"*/{BIG}*": wrong})
    failed = lab.apply()
    assert (failed.code, failed.ended) == (1, "failed")
    assert words in str(failed.events[-1]), failed.events[-1]
    assert lab.tree() == before, "as it was, and usable"
    assert lab.box.succeed([f"{PREFIX}/bin/hello"]) == "hello 1.1.0\n"
    lab.goes_wrong({})
    assert lab.apply().changed == [KEY]
    assert lab.apply().changed == []


def test_interrupted_once_is_tried_again(lab: Lab) -> None:
    lab.wants("bulk")
    lab.goes_wrong({f"*/{BIG}*": {"truncate": 1 << 20, "times": 1}})
    assert lab.apply().code == 0


def test_the_channel_is_down(lab: Lab) -> None:
    lab.wants("beta")
    assert lab.apply().code == 0
    lab.goes_wrong({"*": {"status": 503}})
    began = time.monotonic()
    assert (lab.apply().changed, lab.plan().code) == ([], 0), "what is right needs no channel"
    lab.wants("beta", "antique")
    failed = lab.apply()
    assert failed.code == 1
    assert "conda-forge" in failed.events[-1]["message"], failed.events[-1]
    assert time.monotonic() - began < 120, "bounded"
    upgrade = lab.relock("--upgrade")
    assert upgrade.code == 1
    lab.goes_wrong({})
    assert lab.apply().changed == [KEY]


def test_what_cannot_be_solved_is_said(lab: Lab) -> None:
    lab.wants("gamma")
    failed = lab.apply()
    assert failed.code == 1
    assert "alpha" in failed.events[-1]["message"], failed.events[-1]
    lab.wants("modern")
    assert "__glibc" in str(lab.apply().events[-1])
    lab.wants("beta")
    assert lab.apply().code == 0


def test_a_lock_from_a_machine_with_a_gpu(lab: Lab) -> None:
    """Solved for a card that is in the post; without it the lock does not fit, and the plan says so."""
    lab.wants("tensor", more='[nvidia]\ngpus = ["10de:1e84"]\n')
    assert lab.apply().code == 0
    assert lab.locked["tensor"] == "2.11.0 cuda130_200"
    lab.box.succeed(["rm", "-r", PREFIX])
    lab.wants("tensor")
    said = lab.plan()
    assert said.code == 1
    assert "__cuda" in said.error["message"], said.error


def test_a_full_disk_is_seen_before_anything_is_written(lab: Lab) -> None:
    image = lab.driver.folder / "small.img"
    subprocess.run(["truncate", "--size=40M", image], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    lab.box.copy_to(image, SMALL)
    lab.wants("bulk", path=f"{MOUNTED}/lab")
    with mounted(lab.box, "-o", "loop"):
        lab.box.succeed(["install", "-d", "-o", "demo", "-g", "demo", f"{MOUNTED}/lab"])
        lab.box.succeed(["fallocate", "-l", "30M", f"{MOUNTED}/ballast"])
        failed = lab.apply()
        assert failed.code == 1
        assert "free" in failed.events[-1]["message"], failed.events[-1]
        assert lab.box.execute(["find", f"{MOUNTED}/lab", "-name", "bulk*"]).stdout == ""
        lab.box.succeed(["rm", f"{MOUNTED}/ballast"])
        assert lab.apply().code == 0
        assert len(lab.tree(f"{MOUNTED}/lab")) > BULK_FILES


def test_ntfs_is_refused(lab: Lab) -> None:
    lab.box.succeed(f"test -e /dev/fuse || mknod /dev/fuse c 10 229; truncate --size=20M {SMALL}; mkntfs -Q -F -q {SMALL} 2>&1")
    lab.wants("beta", path=f"{MOUNTED}/lab")
    with mounted(lab.box, "-t", "ntfs-3g", "-o", "loop"):
        refused = lab.plan()
        assert refused.code == 1
        assert "fuseblk" in refused.error["message"], refused.error
        assert lab.box.succeed(["ls", MOUNTED]) == ""


@contextmanager
def mounted(box: Box, *options: str) -> Iterator[None]:
    """Mount the small image."""
    with undone(box, f"umount {MOUNTED}; rm {SMALL}"):
        box.succeed(f"for n in 0 1 2 3 4 5 6 7 8 9; do test -e /dev/loop$n || mknod /dev/loop$n b 7 $n; done; mkdir -p {MOUNTED}")
        box.succeed(["mount", *options, SMALL, MOUNTED])
        yield
