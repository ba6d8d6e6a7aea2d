"""A connection begun before paramiko is imported, which takes longer than a turn to most machines.

Our side of SSH's first exchange needs none of it: a line that says who we are. So the server's answer to it, its list of
algorithms, is there when paramiko begins.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
from pathlib import Path
from typing import Any

TIMEOUT = 15
"""Seconds for the TCP connection."""

GREETING = "SSH-2.0-provision"
"""Who we are (RFC 4253, 4.2)."""


class Greeted:
    """A connected socket on which `GREETING` has been said; it is not said again when paramiko says it."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._said = f"{GREETING}\r\n".encode()
        link.sendall(self._said)

    def send(self, data: bytes) -> int:
        """Send what has not been said."""
        if self._said and data.startswith(self._said):
            count, self._said = len(self._said), b""
            return count
        return self._link.send(data)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a socket has
        return getattr(self._link, name)


class Dialled:
    """A socket and where it leads; whoever finds that it leads elsewhere hangs up."""

    def __init__(self, link: Greeted, host: str, port: int) -> None:
        self._link = link
        self._end = (host, port)

    def taken(self, host: str, port: int) -> Greeted | None:
        """Return the socket if it leads to `host` and `port`; else close it."""
        if (host, port) == self._end:
            return self._link
        self._link.close()
        return None


def connect(host: str, port: int) -> Greeted:
    """Return a connection on which we have said who we are, and that sends each message at once; raises `OSError`."""
    link = socket.create_connection((host, port), TIMEOUT)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Greeted(link)


def dial(destination: str, ssh_config: Path | None) -> Dialled | None:
    """Return a connection to where OpenSSH says `destination` leads; `None` when others are in between, or it cannot be told."""
    chosen = ["-F", str(ssh_config)] if ssh_config is not None else []
    with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
        said = subprocess.run(
            ["ssh", "-G", *chosen, "--", destination], capture_output=True, text=True, check=True, timeout=TIMEOUT
        )
        settings = dict(line.split(" ", 1) for line in said.stdout.splitlines() if " " in line)
        if not {"proxyjump", "proxycommand"} & set(settings):
            return Dialled(connect(settings["hostname"], int(settings["port"])), settings["hostname"], int(settings["port"]))
    return None
