"""A machine's files through a `Reader`, in the form in which the collectors of facts read them."""

from __future__ import annotations

from provision.agent.facts.assignments import assignments
from provision.agent.facts.links import resolve
from provision.agent.facts.tree import LIMIT, Tree
from provision.agent.host import Reader


class Files(Tree):
    """What `host` shows. What is absent reads as empty, as in a `Tree`; what cannot be read raises, as in a `Reader`."""

    def __init__(self, host: Reader) -> None:
        super().__init__()
        self._host = host

    def bytes(self, path: str, limit: int = LIMIT) -> bytes:
        """Return what the file at `path` holds, through links, or its beginning, where no more than that is asked for.

        Raises where it is larger than `LIMIT` and all of it is wanted.
        """
        stat = self._host.lstat(path)
        if stat is not None and stat.kind == "link":
            path = resolve(self, path)
        if limit < LIMIT:
            return (self._host.read(path) or b"")[:limit]
        return self._host.read(path, limit=limit) or b""

    def names(self, path: str) -> list[str]:
        """Return the sorted names in a directory, through links."""
        stat = self._host.lstat(path)
        if stat is not None and stat.kind == "link":
            path = resolve(self, path)
        return list(self._host.listdir(path) or ()) if stat is not None else []

    def link(self, path: str) -> str:
        """Return the target of a symbolic link as it is written."""
        stat = self._host.lstat(path)
        return (self._host.readlink(path) or "") if stat is not None and stat.kind == "link" else ""

    def exists(self, path: str) -> bool:
        """Return whether something is at `path`, or where it leads."""
        stat = self._host.lstat(path)
        return stat is not None and (stat.kind != "link" or self._host.lstat(resolve(self, path)) is not None)

    def setting(self, path: str, name: str) -> str:
        """Return what a file of assignments sets `name` to."""
        return assignments(self.text(path)).get(name, "")
