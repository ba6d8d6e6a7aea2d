"""When files last changed (ctime), against when something began: so that it is known what must start anew."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from provision.agent.host import Reader
from provision.agent.provider import Pending

Ctimes = tuple[tuple[str, int], ...]
"""(path, nanoseconds since the epoch) of those paths that are there."""


def observe(paths: Iterable[str], host: Reader) -> Ctimes:
    """Return when each of `paths` last changed, without following a final link."""
    stats = ((path, host.lstat(path)) for path in paths)
    return tuple((path, stat.ctime_ns) for path, stat in stats if stat is not None)


def since(ctimes: Ctimes, began_ns: int) -> tuple[str, ...]:
    """Return the paths that changed after `began_ns`."""
    return tuple(path for path, ctime in ctimes if ctime > began_ns)


def will_change(paths: Iterable[str], pending: Pending) -> tuple[str, ...]:
    """Return the paths that a resource before this one will change."""
    return tuple(path for path in paths if pending.has(f"path:{path}"))


def may_change(paths: Iterable[str], pending: Pending) -> tuple[str, ...]:
    """Return the paths that may change before this one's turn: inside a pending tree, or a package's own.

    What lies under `/etc` changes through a resource that claims it; elsewhere a package that is still to come may write.
    """
    packages = pending.kind("packages")
    return tuple(path for path in paths if _inside_pending(path, pending) or (packages and not path.startswith("/etc/")))


def _inside_pending(path: str, pending: Pending) -> bool:
    parent = posixpath.dirname(path)
    while parent != "/":
        if pending.has(f"path:{parent}"):
            return True
        parent = posixpath.dirname(parent)
    return False
