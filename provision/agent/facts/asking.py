"""Asking a program where no file has the answer: on the running machine only, and never for longer than we can wait."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Sequence

from provision.agent.facts.tree import Tree
from provision.agent.programs import PATH
from provision.agent.queries import allowed

_MOST = 1 << 20
"""Bytes kept of an answer."""
_PAUSE = 0.005


def ask(tree: Tree, argv: Sequence[str], *, seconds: float) -> Callable[[], str]:
    """Start a program on the list of those that only look; what is returned waits for what it prints.

    Its answer is empty where it fails, is absent, or is late. One that hangs in a broken driver cannot even be killed: it
    is left behind, and no more waited for.
    """
    program = _find(argv[0]) if tree.live else ""
    if not program or not allowed(argv):
        return str
    reading, writing = os.pipe()
    deadline = time.monotonic() + seconds
    try:
        pid = os.posix_spawn(
            program,
            list(argv),
            {"PATH": PATH, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": "/"},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, writing, 1),
            ],
            setsid=True,
        )
    except OSError:
        os.close(reading)
        return str
    finally:
        os.close(writing)
    return lambda: _answer(pid, reading, deadline)


def _find(name: str) -> str:
    paths = (f"{folder}/{name}" for folder in PATH.split(":"))
    return next((path for path in paths if os.access(path, os.X_OK)), "")


def _answer(pid: int, reading: int, deadline: float) -> str:
    data = bytearray()
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    try:
        while poll.poll(max(deadline - time.monotonic(), 0) * 1000):
            part = os.read(reading, 1 << 16)
            if not part:
                break
            data += part[: _MOST - len(data)]
    finally:
        os.close(reading)
    status = _status(pid, deadline)
    if status is None:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        _status(pid, time.monotonic() + 10 * _PAUSE)
    return data.decode("utf-8", "replace") if status == 0 else ""


def _status(pid: int, deadline: float) -> int | None:
    """Return how a child ended, or `None` where it still runs at `deadline`."""
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() >= deadline:
            return None
        time.sleep(_PAUSE)
