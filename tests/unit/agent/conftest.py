from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.agent import probes, runs, session
from tests.unit.agent.controller import Controller, Memory
from tests.unit.agent.machine_tree import NOBODY, Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    os.umask(0o022)
    root = tmp_path / "root"
    root.mkdir(mode=0o755)
    me = "root" if os.geteuid() == 0 else "tester"
    made = Tree(root=root, me=me, backups=tmp_path / "backups")
    uid, gid = os.geteuid(), os.getegid()
    made.at("/var/lib").mkdir(parents=True)
    lines = {"root": "root:x:0:0:root:/root:/bin/bash", "nobody": f"nobody:x:{NOBODY}:{NOBODY}::/home/nobody:/bin/sh"}
    lines[me] = f"{me}:x:{uid}:{gid}::/home/{me}:/bin/sh"
    groups = {"root": "root:x:0:", "nobody": f"nobody:x:{NOBODY}:", "adm": f"adm:x:4:{me}", me: f"{me}:x:{gid}:"}
    made.put("/etc/passwd", "\n".join(lines.values()) + "\n")
    made.put("/etc/group", "\n".join(groups.values()) + "\n")
    return made


@pytest.fixture
def home(tree: Tree) -> Path:
    """A directory that an ordinary user owns, in a tree that root looks at."""
    if os.geteuid() != 0:
        pytest.skip("needs root: a directory of another user cannot be made")
    made = tree.at("/home/nobody")
    made.mkdir(parents=True)
    os.chown(made, NOBODY, NOBODY)
    return made


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    made = Memory()
    monkeypatch.setattr(session, "_memory", lambda: made)
    return made


@pytest.fixture
def agent(memory: Memory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Controller]:
    """An agent that is root as far as it knows, and plans in this process."""
    monkeypatch.setattr(runs, "STATE", str(tmp_path / "state"))
    monkeypatch.setattr(runs, "RUNTIME", str(tmp_path / "run"))
    monkeypatch.setattr(probes, "RUNTIME", str(tmp_path / "run"))
    monkeypatch.setattr(session, "make_read_only", lambda: True)
    monkeypatch.setattr(
        session, "_plan_in_child", lambda raw, privileged: json.dumps(session._plan(raw, privileged=privileged)).encode()
    )
    monkeypatch.setattr("provision.agent.session.os.geteuid", lambda: 0)
    monkeypatch.setattr(runs, "spawn", lambda run: pytest.fail(f"{run} would have been started"))
    made = Controller()
    yield made
    made.close()


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state and the runtime directory, for this test alone."""
    for module in (runs, probes):
        if hasattr(module, "STATE"):
            monkeypatch.setattr(module, "STATE", str(tmp_path / "var/state"))
        monkeypatch.setattr(module, "RUNTIME", str(tmp_path / "run/provision"))
    return tmp_path
