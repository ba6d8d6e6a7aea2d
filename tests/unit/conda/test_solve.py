"""Solving with the real rattler: what a lock says, what the machine decides, and what is said when nothing fits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provision.agent import conda_lock
from tests.conda_channel import build_channel, library, serve
from tests.conda_server import Server
from tests.unit.conda.driving import HEADER, Machine


def test_a_lock_has_a_header_one_line_a_package_and_no_address(machine: Machine) -> None:
    machine.specs = ("python 3.12.*", "hello")
    said = machine.run("solve")
    text = machine.lock.read_text()
    assert (said.error, said.phrases) == ({}, ["solving 2 packages of conda-forge"])
    assert text.startswith(HEADER)
    assert "127.0.0.1" not in text
    assert "://" not in text
    lines = text.splitlines()[1:]
    assert [json.loads(line)["name"] for line in lines] == ["hello", "libzed", "python", "tzdata", "zed"]
    assert all(line == json.dumps(json.loads(line), sort_keys=True, separators=(",", ":")) for line in lines)
    records = {record.name: record for record in conda_lock.records(text)}
    assert (records["python"].version, records["python"].channel) == ("3.12.12", "conda-forge")
    assert machine.locked["python"]["python_site_packages_path"] == "lib/python3.12/site-packages"
    assert machine.locked["hello"]["noarch"] == "python"


def test_solving_twice_gives_the_same_bytes(machine: Machine) -> None:
    machine.specs = ("python 3.12.*", "hello", "tensor")
    machine.run("solve")
    first = machine.lock.read_bytes()
    machine.specs = machine.specs[::-1]
    machine.run("solve")
    assert machine.lock.read_bytes() == first


@pytest.mark.parametrize(
    ("spec", "virtual", "build"),
    [
        ("tensor", [["__glibc", "2.36"]], "cpu_0"),
        ("tensor", [["__glibc", "2.36"], ["__cuda", "12.8"]], "cpu_0"),
        ("tensor", [["__glibc", "2.36"], ["__cuda", "13.2"]], "cuda130_200"),
        ("fast", [], "any_0"),
        ("fast", [["__archspec", "x86_64_v3"]], "v3_100"),
    ],
)
def test_the_machine_decides_between_builds(machine: Machine, spec: str, virtual: list[list[str]], build: str) -> None:
    machine.specs, machine.virtual = (spec,), virtual
    assert not machine.run("solve").error
    assert machine.locked[spec]["build"] == build


def test_what_was_there_stays_unless_asked(machine: Machine) -> None:
    machine.specs = ("python 3.12.*", "hello ==1.0.0")
    machine.run("solve")
    before = machine.lock.read_text()
    machine.specs = ("python 3.12.*", "hello", "alpha")
    machine.run("solve", prefer=before)
    assert machine.locked["hello"]["version"] == "1.0.0"
    machine.run("solve")
    assert machine.locked["hello"]["version"] == "1.1.0"


def test_the_first_channel_that_has_a_package_is_the_one(machine: Machine, tmp_path: Path) -> None:
    lab = build_channel(tmp_path / "lab", [library("alpha", "9.0")])
    with serve(lab) as other:
        machine.specs = ("alpha",)
        machine.channels.append(["lab/test", other.url])
        machine.run("solve")
        assert (machine.locked["alpha"]["version"], machine.locked["alpha"]["channel"]) == ("1.1", "conda-forge")
        machine.channels.reverse()
        machine.run("solve")
        assert (machine.locked["alpha"]["version"], machine.locked["alpha"]["channel"]) == ("9.0", "lab/test")
        assert not machine.run("install").error


@pytest.mark.parametrize(
    ("specs", "error", "hint"),
    [
        (("gamma",), "gamma 3.0 would require alpha >=9, for which no candidates were found", "loosen `packages`"),
        (("modern",), "modern 1.0 would require __glibc >=2.99", "this machine has __glibc 2.36"),
        (("cudart",), "cudart 13.0.88 would require __cuda >=13", "this machine has __glibc 2.36"),
        (("nosuch",), "no candidates were found for nosuch", "loosen `packages`"),
        (("python 3.11.*", "python 3.12.*"), "python 3.11.* cannot be installed", "loosen `packages`"),
        (("alpha", "numpy =>>2"), "`numpy =>>2` is not a conda package: ", "`numpy >=2,<3`"),
    ],
)
def test_what_cannot_be_solved_is_said_in_one_line(machine: Machine, specs: tuple[str, ...], error: str, hint: str) -> None:
    machine.specs = specs
    said = machine.run("solve").error
    assert error in said["error"]
    assert "\n" not in said["error"]
    assert not said["error"][0].isupper()
    assert not said["error"].endswith(".")
    assert hint in said["hint"]
    assert not machine.lock.exists()


def test_a_channel_that_is_down(machine: Machine, server: Server) -> None:
    machine.specs = ("alpha",)
    server.close()
    said = machine.run("solve").error
    assert said["error"] == "channel `conda-forge` cannot be had: Connection refused (os error 111)"
    assert "`mirrors`" in said["hint"]
    assert server.url in said["evidence"]


def test_a_channel_that_is_not_there(machine: Machine, server: Server) -> None:
    machine.specs = ("alpha",)
    machine.channels = [["lab", f"{server.url}/nowhere"]]
    assert "channel `lab` cannot be had: " in machine.run("solve").error["error"]


def test_a_channel_that_stalls_ends_in_time(machine: Machine, server: Server) -> None:
    machine.specs = ("alpha",)
    server.faults = {"*repodata*": {"stall": 100}}
    said = machine.run("solve", patience=1).error
    assert said["error"] == "no answer from conda-forge within 1 s"
