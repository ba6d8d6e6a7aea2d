"""Processes, told apart from later ones with the same pid."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_STATE, _PARENT, _START = 0, 1, 19
"""Fields of /proc/PID/stat, counted after the command's closing parenthesis."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process: its pid and its start time (in clock ticks since boot)."""

    pid: int
    start: int

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        fields = _stat(self.pid)
        return bool(fields) and int(fields[_START]) == self.start and fields[_STATE] != "Z"

    def end(self, sign: signal.Signals = signal.SIGKILL, *, wait: float = 5) -> bool:
        """Send `sign` and wait at most `wait` seconds; return whether it is gone."""
        deadline = time.monotonic() + wait
        if self.alive():
            try:
                os.kill(self.pid, sign)
            except ProcessLookupError:
                return True
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


def process(pid: int) -> Process | None:
    """Return the process `pid` as it is now."""
    fields = _stat(pid)
    return Process(pid=pid, start=int(fields[_START])) if fields else None


def this() -> Process:
    """Return the calling process."""
    return Process(pid=os.getpid(), start=int(_stat(os.getpid())[_START]))


def children(pid: int) -> list[int]:
    """Return the pids of the children of `pid`, oldest first."""
    found = []
    for entry in Path("/proc").iterdir():
        fields = _stat(int(entry.name)) if entry.name.isdigit() else []
        if fields and int(fields[_PARENT]) == pid:
            found.append((int(fields[_START]), int(entry.name)))
    return [child for _, child in sorted(found)]


def end_tree(holder: Process, wait: float = 5) -> None:
    """End a box's holder from the inside out, so that each parent still reaps its child: PID 1, systemd-nspawn, the holder."""
    below = [found for nspawn in children(holder.pid) for found in (*children(nspawn), nspawn)] if holder.alive() else []
    inner_first = [found for found in map(process, below) if found]
    if inner_first:
        inner_first[0].end()
        deadline = time.monotonic() + wait
        while holder.alive() and time.monotonic() < deadline:
            time.sleep(0.01)
    for found in (*inner_first, holder):
        found.end()


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
