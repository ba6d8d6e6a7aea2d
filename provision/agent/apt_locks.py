"""Waiting for whoever holds apt's locks; apt's own waiting does not cover all four."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from provision.errors import StepError

LOCKS = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
)
_EVERY = 0.2
_FLOCK = "@hhqqi0q"
"""`struct flock` of 64-bit Linux: type, whence, start, length, pid."""


def holder(path: str) -> int | None:
    """Return the pid that holds a write lock on the file at `path`, 0 where it cannot be known, `None` when nobody does."""
    import fcntl
    import struct

    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, asked))
    finally:
        os.close(fd)
    return None if kind == fcntl.F_UNLCK else max(pid, 0)


def _proc(pid: int, name: str) -> str:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read(4096).replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def command_of(pid: int) -> str:
    """Return the command line of a process, or its short name, or an empty string."""
    return _proc(pid, "cmdline") or _proc(pid, "comm")


def wait(paths: tuple[str, ...], timeout: float, says: Callable[[str], None]) -> None:
    """Return once nobody holds any of the locks; raises `StepError` that names the holder after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    told = ""
    while True:
        found = next(((path, pid) for path in paths if (pid := holder(path)) is not None), None)
        if found is None:
            return
        path, pid = found
        phrase = f"waiting for apt (pid {pid}, {_proc(pid, 'comm')})" if pid else "waiting for apt (held in another container)"
        if phrase != told:
            says(phrase)
            told = phrase
        if time.monotonic() >= deadline:
            who = f"pid {pid} (`{command_of(pid)}`)" if pid else "a process that is not visible here"
            raise StepError(
                f"apt's lock `{path}` is still held by {who} after {timeout:g} s",
                hint=f"`ps -fp {pid}`, then run it again when that has ended" if pid else f"`fuser -v {path}`",
            )
        time.sleep(_EVERY)
