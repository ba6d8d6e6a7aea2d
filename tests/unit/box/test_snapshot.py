"""How two snapshots are compared; what one sees is tested with a box."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from provision.box.snapshot import EXCLUDED, SCRIPT, Snapshot, differences

FILE: dict[str, str | int] = {"mode": "0o100644", "owner": "0:0", "mtime": 5, "content": "a"}


def snapshot(**files: dict[str, str | int]) -> Snapshot:
    return Snapshot(files=files, packages={"p": "1"}, units={"u": "enabled"})


def test_equal_snapshots_have_no_differences() -> None:
    assert differences(snapshot(a=FILE), snapshot(a=dict(FILE))) == ()


@pytest.mark.parametrize("aspect", ["mode", "owner", "mtime", "content", "xattrs"])
def test_each_aspect_of_a_file_counts(aspect: str) -> None:
    found = differences(snapshot(a=FILE), snapshot(a={**FILE, aspect: "new"}))
    assert found == (f"~ a: {aspect} {FILE.get(aspect, '-')} → new",)


def test_files_packages_and_units_come_and_go() -> None:
    after = Snapshot(files={"b": FILE}, packages={"p": "2", "q": "1"}, units={})
    assert differences(snapshot(a=FILE), after) == (
        "- a",
        "+ b",
        "~ package p: 1 → 2",
        "~ package q: absent → 1",
        "~ unit u: enabled → absent",
    )


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("/var/lib/provision/runs/1/events", True),
        ("/var/lib/provision", True),
        ("/var/lib/provision/backups/x", False),
        ("/home/me/.cache/uv/x", True),
        ("/home/me/envs/x", False),
        ("/opt/x/__pycache__/a.pyc", True),
        ("/etc/passwd", False),
        ("/var/lib/dpkg/status", False),
    ],
)
def test_what_is_left_out(path: str, left_out: bool) -> None:  # noqa: FBT001 - a table
    assert any(re.fullmatch(pattern, path) for pattern in EXCLUDED) is left_out


def looked(tmp_path: Path, trees: list[str], excluded: list[str], **tools: str) -> Any:  # noqa: ANN401 - JSON
    """What the script prints, with `tools` in the place of the machine's own."""
    for name in ("dpkg-query", "systemctl"):
        (tmp_path / name).write_text(f"#!/bin/sh\n{tools.get(name, '')}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-I", "-c", SCRIPT],
        input=json.dumps([trees, excluded]),
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_login_sessions_are_no_part_of_the_machine(tmp_path: Path) -> None:
    said = """case $1 in
list-unit-files) echo "session-4592.scope transient -"; echo "ssh.service enabled enabled" ;;
*) echo "session-4592.scope loaded active running Session 4592"; echo "ssh.service loaded active running OpenSSH" ;;
esac"""
    assert looked(tmp_path, [], [], systemctl=said)["units"] == {"ssh.service": "enabled active"}


def test_the_script_looks_at_content_links_and_modes(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "out").mkdir(parents=True)
    (tree / "out/secret").write_text("x")
    (tree / "file").write_text("text")
    (tree / "link").symlink_to("/nowhere")
    files = looked(tmp_path, [str(tree), str(tmp_path / "absent")], [f"{tree}/out(/.*)?"])["files"]
    assert sorted(files) == [str(tree), f"{tree}/file", f"{tree}/link"]
    assert files[f"{tree}/link"]["content"] == "/nowhere"
    assert len(files[f"{tree}/file"]["content"]) == 64
