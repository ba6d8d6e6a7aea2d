"""This machine: stage 1 in a child process, through pipes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from provision.errors import UnreachableError

SYSTEM_PYTHON = "/usr/bin/python3"


class LocalStream:
    """A child process as a byte stream."""

    def __init__(self, argv: list[str]) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child, closed with it
        try:
            # its own session: Ctrl-C on our terminal is for us, and we tell the agent ourselves
            self._child = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, bufsize=0, start_new_session=True
            )
        except OSError as error:
            raise UnreachableError(f"cannot start the agent here: {error}", hint="sudo apt-get install -y python3") from error

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        assert self._child.stdin is not None  # noqa: S101 - made with a pipe above
        view = memoryview(data)
        while view:
            view = view[self._child.stdin.write(view) :]

    def read(self, count: int) -> bytes:
        """Return 1 to `count` bytes; empty at the end."""
        assert self._child.stdout is not None  # noqa: S101 - made with a pipe above
        return self._child.stdout.read(count)

    def epilogue(self) -> str:
        """Return what the child said on stderr."""
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    def close(self) -> None:
        """Close the child's stdin and wait for it to end; it is ended after five seconds."""
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._stderr.close()


class Local:
    """This machine."""

    remote = False

    def __init__(self) -> None:
        self.name = os.uname().nodename

    def start(self, command: str) -> LocalStream:
        """Run stage 1's command line without a shell."""
        program = command[command.index("'") + 1 : command.rindex("'")]
        python = SYSTEM_PYTHON if os.access(SYSTEM_PYTHON, os.X_OK) else sys.executable
        return LocalStream([python, "-ISc", program])
