"""The journal of a run: numbered events, one JSON object a line, on disk before anything follows them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from provision.agent.events import PROGRESS, RUN_ENDED, Event

PROGRESS_INTERVAL = 0.25
"""Seconds between two progress events of a run, at least."""


class Journal:
    """Appends events to `path`; a torn last line (a power cut) is cut off when it is opened again."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        whole = _whole(os.pread(self._fd, os.fstat(self._fd).st_size, 0))
        os.ftruncate(self._fd, len(whole))
        self._seq = whole.count(b"\n")
        self._last_progress = 0.0

    def write(self, event: str, **fields: Any) -> None:  # noqa: ANN401 - JSON values
        """Append one event; all but `progress` are fsynced, and progress is thinned out."""
        now = time.time()
        if event == PROGRESS:
            if now - self._last_progress < PROGRESS_INTERVAL:
                return
            self._last_progress = now
        self._seq += 1
        line = json.dumps({"seq": self._seq, "time": round(now, 3), "event": event, **fields}, ensure_ascii=False) + "\n"
        data = memoryview(line.encode("utf-8", "surrogatepass"))  # a file's name may be any bytes
        while data:
            data = data[os.write(self._fd, data) :]
        if event != PROGRESS:
            os.fsync(self._fd)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def _whole(data: bytes) -> bytes:
    return data[: data.rfind(b"\n") + 1]


def read(path: str) -> list[Event]:
    """Return all whole events in a journal; a torn line is left out, garbage raises `ValueError`."""
    with open(path, "rb") as file:
        return [json.loads(line) for line in _whole(file.read()).splitlines()]


def follow(path: str, *, after: int, alive: Callable[[], bool], pause: Callable[[float], bool]) -> Iterator[Event]:
    """Yield events with a number above `after` as they come, until the run ended, its process is gone, or `pause` says stop.

    `alive()` tells whether the run's process still lives; `pause(seconds)` waits and returns true to stop following.
    """
    with open(path, "rb") as file:
        rest, wait = b"", 0.01
        while True:
            living = alive()  # asked before reading, so that what a dying process wrote is still seen
            rest += file.read()
            lines = _whole(rest)
            rest = rest[len(lines) :]
            for line in lines.splitlines():
                event: Event = json.loads(line)
                if event["seq"] > after:
                    yield event
                if event["event"] == RUN_ENDED:
                    return
            wait = 0.01 if lines else min(wait * 1.5, 0.2)
            if not lines and not living:
                return
            if pause(wait):
                return
