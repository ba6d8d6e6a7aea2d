"""Samples the processes of a box and of this command line while something runs: what they show, and what they need."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provision.box.box import Box

INTERVAL = 0.01
"""Seconds between two looks."""


class Watch:
    """A context manager; looks at the processes in the box (and at those of `also`) every few milliseconds."""

    def __init__(self, box: Box, *, canary: str = "", also: tuple[int, ...] = ()) -> None:
        self._namespace = Path(f"/proc/{box.leader}/ns/pid").readlink()
        self._canary = canary.encode()
        self._also = {str(pid) for pid in also}
        self._ours: dict[str, bool] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.leaks: set[str] = set()
        """Where the canary was seen."""
        self.peaks: dict[int, int] = {}
        """The peak resident memory of each Python process, KiB, by its pid here."""
        self.parents: dict[int, int] = {}
        self.words: dict[int, bytes] = {}
        """The command line of each Python process."""
        self.looks = 0

    def __enter__(self) -> Watch:  # noqa: PYI034 - `Self` needs Python 3.11
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join(10)

    def add(self, pid: int) -> None:
        """Look at the process `pid` of this machine, too."""
        self._also.add(str(pid))

    def _look(self) -> None:
        while not self._ended.wait(INTERVAL):
            self.looks += 1
            for name in os.listdir("/proc"):  # noqa: PTH208 - hundreds of times a second
                if name.isdigit() and self._is_ours(name):
                    self._process(name)

    def _is_ours(self, name: str) -> bool:
        if name in self._also:
            return True
        if name not in self._ours:
            try:
                self._ours[name] = Path(f"/proc/{name}/ns/pid").readlink() == self._namespace
            except OSError:
                return False
        return self._ours[name]

    def _process(self, name: str) -> None:
        try:
            words = _read(f"/proc/{name}/cmdline")
            if self._canary:
                for place, data in (("cmdline", words), ("environ", _read(f"/proc/{name}/environ"))):
                    if self._canary in data:
                        self.leaks.add(f"{place} of {words[:80]!r}")
            if b"python3" in words.partition(b"\0")[0]:
                self._memory(int(name), words)
        except OSError:  # it has just ended
            return

    def _memory(self, pid: int, words: bytes) -> None:
        for line in _read(f"/proc/{pid}/status").splitlines():
            if line.startswith(b"VmHWM:"):
                self.peaks[pid] = int(line.split()[1])
                self.words[pid] = words
            elif line.startswith(b"PPid:"):
                self.parents[pid] = int(line.split()[1])


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - as above
        return file.read()
