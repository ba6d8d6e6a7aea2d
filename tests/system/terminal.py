"""The real command line on a pseudo-terminal, with somebody who reads and types."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from pathlib import Path

from tests.system.driving import Driver


class Terminal:
    """The real command line on a terminal."""

    def __init__(self, argv: list[str], env: dict[str, str], folder: Path) -> None:
        self._ours, theirs = pty.openpty()
        self.child = subprocess.Popen(
            argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=folder, start_new_session=True
        )
        os.close(theirs)
        self.text = ""

    def wait_for(self, words: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while words not in self.text:
            assert self._more(deadline), self.text

    def _more(self, deadline: float) -> bool:
        if not select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # EIO: nobody has its other side any more
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def end(self, seconds: float = 60) -> int:
        deadline = time.monotonic() + seconds
        while self._more(deadline):
            pass
        try:
            return self.child.wait(5)
        finally:
            self.child.kill()
            os.close(self._ours)


def terminal(driver: Driver, verb: str) -> Terminal:
    return Terminal(driver.argv(verb, "sample", as_json=False), {**driver.env, "TERM": "xterm", "COLUMNS": "120"}, driver.folder)
