"""The check that looks through a conda environment's files."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provision.catalog.templates import template

FILES = {"bin/tool": "#!/bin/sh\n", "lib/a.py": "A = 1\n", "lib/b.py": "B = 2\n"}


def check(prefix: Path, seconds: str = "20") -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-", str(prefix), seconds],
        input=template("checks/conda_sound.py"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1])["evidence"]


def package(prefix: Path, name: str, files: dict[str, str], **entries: dict[str, Any]) -> Path:
    """Install a package as rattler does: its files, and a record with their hashes; `entries` replace what is said of one."""
    paths = []
    for path, text in files.items():
        (prefix / path).parent.mkdir(parents=True, exist_ok=True)
        (prefix / path).write_text(text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        said = {"_path": path, "path_type": "hardlink", "sha256": digest, "sha256_in_prefix": digest, "size_in_bytes": len(text)}
        paths.append({**said, **entries.get(path.replace("/", "_").replace(".", "_"), {})})
    record = {"name": name, "version": "1.0", "build": "0", "files": [*files], "paths_data": {"paths_version": 1, "paths": paths}}
    (prefix / "conda-meta").mkdir(exist_ok=True)
    file = prefix / f"conda-meta/{name}-1.0-0.json"
    file.write_text(json.dumps(record))
    return file


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An environment of two packages, with a compiled file, a link and a file whose prefix was filled in."""
    package(tmp_path, "one", FILES)
    filled = {"sha256": "0" * 64, "sha256_in_prefix": hashlib.sha256(b"here\n").hexdigest()}
    compiled, link = {"path_type": "pyc_file", "sha256": None}, {"path_type": "softlink", "sha256": "1" * 64}
    texts = {"etc/where": "here\n", "lib/__pycache__/a.pyc": "x", "bin/link": "x"}
    package(tmp_path, "two", texts, etc_where=filled, lib___pycache___a_pyc=compiled, bin_link=link)
    (tmp_path / "bin/link").unlink()
    (tmp_path / "bin/link").symlink_to("nowhere")
    return tmp_path


def test_a_sound_environment(prefix: Path) -> None:
    assert check(prefix) == (0, "2 packages, 6 files there, all of them read and as recorded")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda prefix: (prefix / "lib/a.py").unlink(), "lib/a.py of one-1.0-0 is missing"),
        (lambda prefix: (prefix / "lib/__pycache__/a.pyc").unlink(), "lib/__pycache__/a.pyc of two-1.0-0 is missing"),
        (lambda prefix: (prefix / "bin/link").unlink(), "bin/link of two-1.0-0 is missing"),
        (lambda prefix: (prefix / "lib/b.py").write_text("B = 3\n"), "lib/b.py of one-1.0-0 is another"),
        (lambda prefix: (prefix / "etc/where").write_text("{prefix}\n"), "etc/where of two-1.0-0 is another"),
        (lambda prefix: (prefix / "conda-meta/one-1.0-0.json").write_text("{"), "a record cannot be read: "),
        (lambda prefix: (prefix / "conda-meta/one-1.0-0.json").write_text("[]"), "a record cannot be read: "),
        (lambda prefix: (prefix / "conda-meta/one-1.0-0.json").rename(prefix / "conda-meta/six-1.0-0.json"), "a record cannot"),
    ],
    ids=["file", "compiled", "link", "changed", "its prefix", "half a record", "no record", "another's record"],
)
def test_damage_is_found_and_named(prefix: Path, damage: Callable[[Path], object], said: str) -> None:
    damage(prefix)
    code, evidence = check(prefix)
    assert code == 1
    assert evidence.startswith(said)


def test_what_python_and_link_targets_do_is_no_damage(prefix: Path) -> None:
    (prefix / "lib/__pycache__/a.pyc").write_text("compiled anew")
    (prefix / "lib/more.py").write_text("")
    assert check(prefix)[0] == 0


def test_a_file_of_two_packages_may_be_eithers(prefix: Path) -> None:
    package(prefix, "three", {"lib/a.py": "A = 9\n"})
    assert check(prefix)[0] == 0
    (prefix / "lib/a.py").write_text(FILES["lib/a.py"])
    assert check(prefix)[0] == 0
    (prefix / "lib/a.py").write_text("A = 0\n")
    assert check(prefix)[0] == 1


def test_within_its_time_it_reads_what_it_can_and_says_how_much(prefix: Path) -> None:
    assert check(prefix, "0") == (0, "2 packages, 6 files there, 1 of them read and as recorded")


def test_much_damage_is_told_in_short(prefix: Path) -> None:
    for path in FILES:
        (prefix / path).unlink()
    (prefix / "etc/where").unlink()
    assert check(prefix)[1].endswith(", and 1 more")


def test_where_there_is_nothing(tmp_path: Path) -> None:
    assert check(tmp_path) == (1, f"no records of packages in {tmp_path}/conda-meta")
