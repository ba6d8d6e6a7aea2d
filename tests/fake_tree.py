"""A file system in memory: what `FakeHost` looks at and changes."""

from __future__ import annotations

import dataclasses
import posixpath
from dataclasses import dataclass

from provision.agent.host import Stat
from provision.errors import StepError

DEPTH = 40
"""Links followed before giving up, as Linux does."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One thing in the tree; `data` for a file, `target` for a link. Times are nanoseconds since the epoch."""

    kind: str
    mode: int
    owner: str
    group: str
    data: bytes = b""
    target: str = ""
    mtime_ns: int = 0
    ctime_ns: int = 0

    @property
    def stat(self) -> Stat:
        size = len(self.data) if self.kind == "file" else len(self.target) if self.kind == "link" else 4096
        return Stat(
            kind=self.kind,
            mode=self.mode,
            owner=self.owner,
            group=self.group,
            size=size,
            mtime_ns=self.mtime_ns,
            ctime_ns=self.ctime_ns,
        )


class Tree:
    """Nodes by absolute path; links in the middle of a path are followed, the last component never is."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {"/": Node(kind="directory", mode=0o755, owner="root", group="root")}

    def real(self, path: str, depth: int = DEPTH) -> str:
        """Return `path` with all links but a final one resolved."""
        done = "/"
        parts = [part for part in path.split("/") if part]
        for index, part in enumerate(parts):
            if part in {".", ".."}:
                done = done if part == "." else posixpath.dirname(done)
                continue
            done = posixpath.join(done, part)
            node = self.nodes.get(done)
            if node is not None and node.kind == "link" and index < len(parts) - 1:
                if depth == 0:
                    raise StepError(f"too many links in `{path}`")
                rest = posixpath.join(posixpath.dirname(done), node.target, *parts[index + 1 :])
                return self.real(rest, depth - 1)
        return done

    def get(self, path: str) -> Node | None:
        """Return what is at `path`, or `None`."""
        return self.nodes.get(self.real(path))

    def parent(self, path: str) -> Node | None:
        """Return the directory that holds `path`, or `None`."""
        found = self.nodes.get(posixpath.dirname(self.real(path)))
        while found is not None and found.kind == "link":
            found = None
        return found

    def children(self, path: str) -> tuple[str, ...]:
        """Return the sorted names in the directory at `path`."""
        real = self.real(path)
        return tuple(sorted(posixpath.basename(each) for each in self.nodes if each != "/" and posixpath.dirname(each) == real))

    def put(self, path: str, node: Node, *, now: int) -> None:
        """Set what is at `path`; both its times become `now`."""
        parent = self.parent(path)
        if path != "/" and (parent is None or parent.kind != "directory"):
            raise StepError(f"cannot write `{path}`: its parent is {'missing' if parent is None else f'a {parent.kind}'}")
        self.nodes[self.real(path)] = dataclasses.replace(node, mtime_ns=now, ctime_ns=now)

    def alter(self, path: str, *, mode: int, owner: str, group: str, now: int) -> None:
        """Set the attributes of what is at `path`; a link keeps its mode."""
        node = self.get(path)
        if node is None:
            raise StepError(f"cannot set attributes of `{path}`: nothing is there")
        kept = node.mode if node.kind == "link" else mode
        self.nodes[self.real(path)] = dataclasses.replace(node, mode=kept, owner=owner, group=group, ctime_ns=now)

    def drop(self, path: str) -> None:
        """Forget what is at `path` and below."""
        real = self.real(path)
        for each in [each for each in self.nodes if each == real or each.startswith(f"{real}/")]:
            del self.nodes[each]
