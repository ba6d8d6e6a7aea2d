"""Channels that lie, disks that are full, programs that are killed: an environment is as it was, or as it shall be."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from provision.catalog.conda_program import conda_program
from tests.conda_server import Fault, Server
from tests.unit.conda.driving import Machine

pytestmark = pytest.mark.slow


class Usage(NamedTuple):
    """What `shutil.disk_usage` answers."""

    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (
            {"status": 404},
            "`alpha-1.1-0.conda` from channel `conda-forge` cannot be had: HTTP status client error (404 Not Found)",
        ),
        ({"corrupt": 20_000}, "`alpha-1.1-0.conda` from the channel is not what the lock says: its checksum is another"),
        ({"truncate": 2000}, "`alpha-1.1-0.conda` from the channel cannot be had: "),
    ],
    ids=["denied", "corrupt", "truncated"],
)
def test_a_download_that_fails_leaves_the_environment_as_it_was(
    machine: Machine, server: Server, fault: Fault, error: str
) -> None:
    machine.have("python 3.12.*", "hello ==1.0.0")
    before = machine.files()
    machine.specs = ("python 3.12.*", "hello", "alpha")
    machine.run("solve")
    server.faults = {"*alpha*": fault}
    said = machine.run("install").error
    assert said["error"].startswith(error)
    assert said["hint"]
    after = machine.files()
    for each in (before, after):
        each.pop("provision-conda.lock")
    assert after == before
    server.faults = {}
    assert not machine.run("install").error
    assert machine.versions()["alpha"] == "1.1"
    assert not [path.name for path in machine.folder.joinpath("cache").glob(".fetch-*")]


def test_a_lock_with_another_hash_is_not_served_from_the_channel(machine: Machine) -> None:
    machine.specs = ("alpha",)
    machine.run("solve")
    machine.lock.write_text(machine.lock.read_text().replace(machine.locked["alpha"]["sha256"], "0" * 64))
    said = machine.run("install").error
    assert said["error"].endswith("is not what the lock says: its checksum is another")
    assert "hash mismatch" in said["evidence"]
    assert not machine.records


def test_a_channel_that_stalls_is_left(machine: Machine, server: Server) -> None:
    machine.specs = ("bulk",)
    machine.run("solve")
    server.faults = {"*bulk*": {"stall": 1_000_000}}
    said = machine.run("install", stall=1).error
    assert said["error"] == "the channel sent nothing for 1 s"


def test_a_full_disk_is_refused_before_the_first_byte(machine: Machine, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.specs = ("bulk",)
    machine.run("solve")
    server.requests.clear()
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**9, 0, 4 << 20))
    said = machine.run("install").error
    assert re.match(r"\d+ MB are needed at ", said["error"])
    assert not server.requests


def test_rattlers_words_for_a_full_disk() -> None:
    program = {"__name__": "conda"}
    exec(compile(conda_program(), "conda.py", "exec"), program)  # noqa: S102 - our own program
    trouble = program["explained"](  # type: ignore[operator]
        RuntimeError("failed to link x\nCaused by: No space left on device (os error 28)"),
        {"cache": "/home/me/.cache/provision/conda", "prefix": "/home/me/envs/torch"},
        {},
    )
    assert trouble.said["error"] == "the disk is full"
    assert trouble.said["hint"] == "`df -h /home/me/.cache/provision/conda /home/me/envs/torch`"


@pytest.mark.parametrize("text", ["", "# provision request=0 platform=linux-64\n"])
def test_an_empty_lock_empties_nothing(machine: Machine, text: str) -> None:
    machine.have("alpha")
    machine.lock.write_text(text)
    assert "holds no packages" in machine.run("install").error["error"]
    assert machine.versions() == {"alpha": "1.1"}


def test_a_lock_that_takes_from_another_channel(machine: Machine) -> None:
    machine.specs = ("alpha",)
    machine.run("solve")
    machine.channels[0][0] = "other"
    error = machine.run("install").error["error"]
    assert error == "the lock takes `alpha` from the channel `conda-forge`, which is not configured"


def test_an_environment_that_is_being_changed_is_not_sealed(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.have("alpha ==1.0")
    machine.specs = ("alpha ==1.1",)
    machine.run("solve")

    async def fails(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device (os error 28)")

    monkeypatch.setattr("rattler.install", fails)
    assert machine.run("install").error["error"] == "the disk is full"
    assert (machine.prefix / "provision-records.json").exists(), "it was only fetching"
    monkeypatch.undo()
    machine.have("alpha ==1.1", "zed")
    machine.specs = ("alpha ==1.0",)
    machine.run("solve")
    monkeypatch.setattr("rattler.install", fails)
    assert machine.run("install").error["error"] == "the disk is full"
    assert not (machine.prefix / "provision-records.json").exists()


@pytest.mark.parametrize("moment", ["downloading", "installing", "compiling"])
def test_killed_at_any_moment_the_next_run_completes_it(machine: Machine, moment: str) -> None:
    machine.have("python 3.11.*", "hello ==1.0.0", "alpha ==1.0")
    machine.specs = ("python 3.12.*", "hello ==1.1.0", "alpha ==1.1")
    machine.run("solve")
    argv = [sys.executable, "-IB", str(machine.program), "install", str(machine.request())]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if json.loads(line)["says"].startswith(moment):
                break
        process.kill()
    assert not machine.run("install").error
    assert {name: machine.versions()[name] for name in ("python", "hello", "alpha")} == {
        "python": "3.12.12",
        "hello": "1.1.0",
        "alpha": "1.1",
    }
    assert subprocess.check_output([machine.prefix / "bin/hello"], text=True) == "hello 1.1.0\n"
    assert (machine.prefix / "share/alpha/version.txt").read_text() == "alpha 1.1 0\n"
    assert (machine.prefix / "provision-records.json").exists()
    assert not (machine.prefix / "provision-changing.json").exists()


@pytest.mark.parametrize("to", ["forward", "back"])
def test_what_a_killed_change_left_is_taken_away(machine: Machine, monkeypatch: pytest.MonkeyPatch, to: str) -> None:
    """As if killed when rattler had forgotten a package whose files are there, and had linked half of another."""
    first, second = ("python 3.11.*", "hello ==1.0.0", "beta"), ("python 3.12.*", "hello ==1.1.0")
    machine.have(*second)
    other = set(machine.files())
    machine.have(*first)
    clean = set(machine.files())
    (machine.prefix / "notes.txt").write_text("mine")
    (machine.prefix / "share/beta/notes.txt").write_text("mine")
    machine.specs = second
    machine.run("solve")

    async def fails(records: list[object], target: Path, **_: object) -> None:
        assert target == machine.prefix, "all is in the cache"
        meta = machine.prefix / "conda-meta"
        for path in (*meta.glob("hello*.json"), *meta.glob("python*.json")):
            path.rename(meta / f"prefix_record_{path.stem[:3]}")
        (machine.prefix / "lib/python3.12").unlink()
        half = machine.prefix / "lib/python3.12/site-packages/hello-1.1.0.dist-info"
        half.mkdir(parents=True)
        (half / "METADATA").write_text("half")
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("rattler.install", fails)
        assert machine.run("install").error
    if to == "back":
        machine.specs = first
        machine.run("solve")
    assert not machine.run("install").error
    mine = {"notes.txt", "share/beta/notes.txt"}
    assert set(machine.files()) - mine == (clean if to == "back" else other)
    assert mine <= set(machine.files())


@pytest.mark.parametrize("path", ["../outside", "bin/../../outside", "away/outside"])
def test_nothing_outside_a_prefix_is_taken_away(machine: Machine, path: str) -> None:
    machine.have("alpha")
    outside = machine.folder / "outside"
    outside.write_text("mine")
    (machine.prefix / "bin").mkdir(exist_ok=True)
    (machine.prefix / "away").symlink_to(machine.folder)
    (machine.prefix / "provision-changing.json").write_text(json.dumps([path, f"{machine.folder}/outside"]))
    (machine.prefix / "provision-records.json").unlink()
    assert not machine.run("install").error
    assert outside.read_text() == "mine"
