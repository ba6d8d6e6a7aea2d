from __future__ import annotations

import os
from pathlib import Path

import pytest

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
