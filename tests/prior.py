"""What may be at a path before us, by name, for tests over every wanted state over every prior one."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from tests.fake_host import FakeHost


def machine() -> FakeHost:
    """Return a machine with user `me` and a second one."""
    host = FakeHost()
    host.add_user("me", 1000)
    host.add_user("other", 1001)
    host.put_directory("/mnt/real")
    host.put_file("/mnt/target", b"elsewhere\n")
    return host


def _unreadable(host: FakeHost, path: str) -> None:
    host.put_file(path, b"???\n")
    host.unreadable.add(path)


def _unsearchable(host: FakeHost, path: str) -> None:
    host.put_directory(posixpath.dirname(path))
    host.unreadable.add(posixpath.dirname(path))


PRIORS: dict[str, Callable[[FakeHost, str], None]] = {
    "absent": lambda host, path: host.put_directory(posixpath.dirname(path)),
    "directory": lambda host, path: host.put_directory(path),
    "full directory": lambda host, path: host.put_file(f"{path}/inside", b"precious\n"),
    "file": lambda host, path: host.put_file(path, b"in the way\n"),
    "link": lambda host, path: host.put_link(path, "/mnt/target"),
    "directory link": lambda host, path: host.put_link(path, "/mnt/real"),
    "dangling link": lambda host, path: host.put_link(path, "/mnt/nowhere"),
    "fifo": lambda host, path: host.put_other(path),
    "unreadable": _unreadable,
    "unsearchable parent": _unsearchable,
    "parents missing": lambda _host, _path: None,
    "parent is a file": lambda host, path: host.put_file(posixpath.dirname(path), b"in the way\n"),
    "parent is a link": lambda host, path: host.put_link(posixpath.dirname(path), "/mnt/real"),
    "parent is a dangling link": lambda host, path: host.put_link(posixpath.dirname(path), "/mnt/nowhere"),
}


def put(name: str, path: str, host: FakeHost) -> None:
    """Put the prior state called `name` at `path`, or above it."""
    PRIORS[name](host, path)
