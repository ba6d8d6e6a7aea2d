"""A recorded machine: a few files below a folder, read as if they were a machine's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from provision.agent.facts.tree import Tree


class Link(NamedTuple):
    """A symbolic link in a recorded machine."""

    target: str


Content = str | bytes | Link


def record(folder: Path, files: Mapping[str, Content]) -> Tree:
    for name, content in files.items():
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            path.symlink_to(content.target)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)
    return Tree(str(folder))


def process(
    number: int, name: str, *held: str, uid: int = 0, group: str = "0::/user.slice", space: str = "1"
) -> dict[str, Content]:
    """Return the files of a running program that holds the files `held`, in a control group and a mount namespace."""
    files: dict[str, Content] = {
        f"/proc/{number}/comm": f"{name}\n",
        f"/proc/{number}/status": f"Name:\t{name}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n",
        f"/proc/{number}/cgroup": f"{group}\n",
        f"/proc/{number}/ns/mnt": Link(f"mnt:[{space}]"),
    }
    return files | {f"/proc/{number}/fd/{at}": Link(target) for at, target in enumerate(held)}
