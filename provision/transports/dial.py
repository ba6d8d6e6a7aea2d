"""A TCP connection begun before paramiko is imported, which takes longer than a turn to most machines."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from pathlib import Path

TIMEOUT = 15
"""Seconds for the TCP connection."""


class Dialled:
    """A socket and where it leads; whoever finds that it leads elsewhere hangs up."""

    def __init__(self, link: socket.socket, host: str, port: int) -> None:
        self._link = link
        self._end = (host, port)

    def taken(self, host: str, port: int) -> socket.socket | None:
        """Return the socket if it leads to `host` and `port`; else close it."""
        if (host, port) == self._end:
            return self._link
        self._link.close()
        return None


def connect(host: str, port: int) -> socket.socket:
    """Return a connected socket that sends each message at once; raises `OSError`."""
    link = socket.create_connection((host, port), TIMEOUT)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


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
