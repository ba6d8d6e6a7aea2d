"""Installing with the real rattler: what an environment holds, and that only what must change does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from provision.agent import conda_lock, conda_prefix
from provision.agent.reader import MachineReader
from provision.catalog.conda_program import conda_program
from tests.conda_channel import build_channel, serve
from tests.conda_package import Package
from tests.conda_server import Server
from tests.unit.conda.driving import Machine


def test_an_environment_is_made_from_nothing(machine: Machine) -> None:
    said = machine.have("python 3.12.*", "hello", "alpha")
    assert said.phrases == ["downloading 6 packages", "installing 6 packages", "compiling 1 Python file"]
    counted = [each for each in said.progress if each["says"].startswith("installing")]
    assert (counted[-1]["done"], counted[-1]["total"], counted[-1]["unit"]) == (6, 6, "")
    assert {each["unit"] for each in said.progress if each["says"].startswith("down")} == {"bytes"}
    prefix = machine.prefix
    assert (prefix / "share/alpha/where.txt").read_text() == f"{prefix}\n"
    assert subprocess.check_output([prefix / "bin/hello"], text=True) == "hello 1.1.0\n"
    assert (prefix / "share/alpha/version.txt").stat().st_nlink > 1, "packages are shared with the cache"
    assert machine.records["hello"]["requested_specs"] == ["hello"]
    assert machine.records["zed"]["requested_specs"] == []


def test_pure_python_is_compiled_and_its_record_knows(machine: Machine) -> None:
    machine.have("python 3.12.*", "hello")
    compiled = [file for file in machine.records["hello"]["files"] if file.endswith(".pyc")]
    assert len(compiled) == 1
    assert (machine.prefix / compiled[0]).is_file()
    kinds = {entry["_path"]: entry["path_type"] for entry in machine.records["hello"]["paths_data"]["paths"]}
    assert kinds[compiled[0]] == "pyc_file"


def test_another_python_has_the_same_packages_compiled_for_it(machine: Machine) -> None:
    machine.have("python 3.11.*", "hello")
    machine.have("python 3.12.*", "hello")
    files = machine.records["hello"]["files"]
    assert [file.split("/")[1] for file in files if file.endswith(".pyc")] == ["python3.12"]
    assert all((machine.prefix / file).is_file() for file in files)


def test_the_program_is_one_file_of_its_parts() -> None:
    text = conda_program()
    compile(text, "conda.py", "exec")
    assert not re.search(r"^from (said|prefix) import", text, re.MULTILINE)
    assert text.count("def main()") == text.count("class Progress") == text.count("def seal(") == 1


def test_root_runs_no_scripts_of_packages(machine: Machine, tmp_path: Path) -> None:
    script = Package(name="scripted", version="1", files={"bin/.scripted-post-link.sh": '#!/bin/sh\ntouch "$PREFIX/linked"\n'})
    with serve(build_channel(tmp_path / "scripts", [script])) as server:
        machine.channels = [["lab", server.url]]
        machine.have("scripted")
    assert (machine.prefix / "linked").exists() == (os.geteuid() != 0)


def test_the_history_is_condas(machine: Machine) -> None:
    machine.have("python 3.12.*", "hello ==1.0.0")
    machine.have("python 3.12.*", "hello ==1.1.0")
    machine.run("install")
    text = (machine.prefix / "conda-meta/history").read_text()
    first, second = text.split("==> ")[1:]
    assert '# update specs: ["python 3.12.*", "hello ==1.0.0"]\n' in first
    assert "+conda-forge/noarch::hello-1.0.0-pyhd8ed1ab_0\n" in first
    assert second.splitlines()[-2:] == [
        "-conda-forge/noarch::hello-1.0.0-pyhd8ed1ab_0",
        "+conda-forge/noarch::hello-1.1.0-pyhd8ed1ab_0",
    ]


def test_our_reader_sees_what_the_program_left(machine: Machine) -> None:
    machine.have("python 3.12.*", "hello", "alpha")
    host, lock = MachineReader(), machine.lock.read_text()
    have = conda_prefix.read(host, str(machine.prefix))
    assert (have.sealed, have.intact, have.damaged, have.python, have.added) == (True, True, (), "3.12", ())
    assert have.lock == conda_lock.digest(lock)
    assert conda_prefix.drift(conda_lock.records(lock), have) == ()
    (machine.prefix / "provision-records.json").unlink()
    (machine.prefix / "lib/python3.12/site-packages/Left_Pad-1.0.dist-info").mkdir()
    slow = conda_prefix.read(host, str(machine.prefix))
    assert (slow.sealed, slow.packages, slow.added) == (False, have.packages, (("left-pad", "1.0"),))


def test_a_second_time_nothing_changes(machine: Machine, server: Server) -> None:
    machine.have("python 3.12.*", "hello")
    before = machine.files()
    before.pop("provision-records.json")
    server.requests.clear()
    said = machine.run("install")
    after = machine.files()
    after.pop("provision-records.json")
    assert (said.progress, said.error) == ([], {})
    assert after == before
    assert not server.requests


def test_packages_move_up_down_and_away(machine: Machine) -> None:
    machine.have("python 3.11.*", "hello ==1.0.0", "beta")
    untouched = machine.files()["share/beta/version.txt"]
    said = machine.have("python 3.12.*", "hello ==1.1.0", "beta", "alpha ==1.0")
    assert "installing 3 packages" in said.phrases
    assert machine.versions() == {
        "alpha": "1.0",
        "beta": "2.0",
        "hello": "1.1.0",
        "libzed": "1.3.1",
        "python": "3.12.12",
        "tzdata": "2026b",
        "zed": "1.3.1",
    }
    assert machine.files()["share/beta/version.txt"] == untouched
    machine.have("zed")
    assert machine.versions() == {"zed": "1.3.1"}
    assert not list(machine.prefix.rglob("*.pyc"))
    assert not (machine.prefix / "bin/hello").exists()


def test_environments_share_what_was_downloaded(machine: Machine, server: Server, tmp_path: Path) -> None:
    machine.have("python 3.12.*", "hello")
    server.requests.clear()
    shutil.copytree(tmp_path / "cache", tmp_path / "second/cache", symlinks=True)
    second = Machine(folder=tmp_path / "second", channels=machine.channels)
    second.have("python 3.12.*", "hello")
    assert not [path for path in server.requests if path.endswith(".conda")]


@pytest.mark.parametrize("how", ["record cut", "record gone", "record twice", "files gone", "no seal"])
def test_what_is_damaged_is_installed_again(machine: Machine, how: str) -> None:
    machine.have("python 3.12.*", "alpha")
    meta, text = machine.prefix / "conda-meta", machine.prefix / "share/alpha/version.txt"
    want, repair = machine.versions(), []
    if how == "record cut":
        (meta / "alpha-1.1-0.json").write_text('{"name": ')
    if how == "record gone":
        (meta / "alpha-1.1-0.json").unlink()
    if how == "record twice":
        data = {**json.loads((meta / "alpha-1.1-0.json").read_bytes()), "version": "1.0"}
        (meta / "alpha-1.0-0.json").write_text(json.dumps(data))
    if how in {"files gone", "no seal"}:
        text.unlink()
        repair = ["alpha"] if how == "files gone" else []
    if how == "no seal":  # as a kill or a power cut leaves it
        (machine.prefix / "provision-records.json").unlink()
        next((machine.folder / "cache/pkgs").glob("alpha-1.1-0/share/alpha/version.txt")).write_text("")
    assert not machine.run("install", repair=repair).error
    assert text.read_text() == "alpha 1.1 0\n"
    assert machine.versions() == want
    assert len(list(meta.glob("alpha*.json"))) == 1


def test_other_bytes_of_the_same_name_replace_what_is_there(machine: Machine) -> None:
    machine.have("alpha")
    record = machine.prefix / "conda-meta/alpha-1.1-0.json"
    record.write_text(record.read_text().replace(machine.locked["alpha"]["sha256"], "0" * 64))
    assert not machine.run("install").error
    assert machine.records["alpha"]["sha256"] == machine.locked["alpha"]["sha256"]
