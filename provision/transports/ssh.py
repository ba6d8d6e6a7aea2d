"""A machine over SSH, through fabric: ssh_config, agent, keys and ProxyJump as OpenSSH has them; host keys strictly."""

from __future__ import annotations

import contextlib
import logging
import socket
from pathlib import Path
from typing import Any

import paramiko
from fabric import Config, Connection

from provision.errors import InputError, UnreachableError
from provision.transports.known_hosts import SYSTEM, KnownHosts, Refuse, fingerprint, user_file

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # or it prints tracebacks of what is said in words here

CONNECT_TIMEOUT = 15
"""Seconds for the TCP connection."""


class SshStream:
    """One exec channel, without a terminal, as a byte stream."""

    def __init__(self, connection: Connection, channel: paramiko.Channel) -> None:
        self._connection = connection
        self._channel = channel

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        self._channel.sendall(data)

    def read(self, count: int) -> bytes:
        """Return 1 to `count` bytes; empty at the end."""
        return self._channel.recv(count)

    def epilogue(self) -> str:
        """Return what the other side said on stderr."""
        said = b""
        while self._channel.recv_stderr_ready():
            said += self._channel.recv_stderr(4096)
        return said.decode(errors="replace")

    def close(self) -> None:
        """Close the connection, gateways included."""
        with contextlib.suppress(OSError, EOFError):
            self._connection.close()


class Ssh:
    """The machine `destination` (`user@host`, `host:port`, or a name from ssh_config)."""

    def __init__(self, destination: str, *, ssh_config: Path | None = None) -> None:
        if not destination or destination.startswith("-") or any(c.isspace() or not c.isprintable() for c in destination):
            raise InputError(f"not a host: {destination!r}", hint="`--host user@name`, or a name from ssh_config")
        self.name = destination
        self._ssh_config = ssh_config

    def connection(self) -> Connection:
        """Return the fabric connection, not opened yet, with host keys checked on every hop."""
        if self._ssh_config is not None and not self._ssh_config.is_file():
            raise InputError(f"no such ssh_config: {self._ssh_config}")
        path = str(self._ssh_config) if self._ssh_config else None
        try:
            connection = Connection(self.name, config=Config(runtime_ssh_path=path), connect_timeout=CONNECT_TIMEOUT)
        except (ValueError, paramiko.SSHException) as error:
            raise InputError(f"{self.name}: {error}") from error
        hop: Any = connection
        while isinstance(hop, Connection):
            _be_strict(hop)
            hop = hop.gateway
        return connection

    def start(self, command: str) -> SshStream:
        """Connect, log in and run `command`; raises `UnreachableError` with the cause in words."""
        connection = self.connection()
        try:
            connection.open()
            transport = connection.transport
            transport.set_keepalive(15)
            channel = transport.open_session(timeout=CONNECT_TIMEOUT)
            channel.exec_command(command)
        except UnreachableError:
            connection.close()
            raise
        except (paramiko.SSHException, OSError, EOFError) as error:
            connection.close()
            raise _why(self.name, connection, error) from error
        return SshStream(connection, channel)


def _be_strict(connection: Connection) -> None:
    settings = connection.ssh_config
    names = settings.get("userknownhostsfile", "").split() or [str(user_file())]
    known = KnownHosts([*(Path(name).expanduser() for name in names), *SYSTEM])
    # paramiko prefers the key types it finds here, and refuses a host whose key of that type differs
    connection.client._host_keys = known.trusted  # noqa: SLF001 - the public loader reads files only, and crashes on markers
    connection.client.set_missing_host_key_policy(Refuse(known, connection.original_host))
    if settings.get("identitiesonly", "no") == "yes":
        connection.connect_kwargs.update(look_for_keys=False, allow_agent=False)


def _why(name: str, connection: Connection, error: Exception) -> UnreachableError:
    where = f"{name} ({connection.host} port {connection.port})" if connection.host != name else f"{name} port {connection.port}"
    if isinstance(error, paramiko.BadHostKeyException):
        known = connection.host if connection.port == paramiko.config.SSH_PORT else f"'[{connection.host}]:{connection.port}'"
        return UnreachableError(
            f"the host key of {name} has CHANGED: it offers {error.key.get_name()} {fingerprint(error.key)}, "
            f"known is {fingerprint(error.expected_key)}",
            hint=f"if the machine was reinstalled: `ssh-keygen -R {known}`, then `provision trust {name}`",
        )
    if isinstance(error, paramiko.AuthenticationException) or "No authentication methods" in str(error):
        return UnreachableError(
            f"{name} does not let `{connection.user}` in with any of our keys",
            hint=f"`ssh-copy-id {connection.user}@{connection.host}` puts your public key there",
        )
    if isinstance(error, socket.gaierror):
        return UnreachableError(f"the name {connection.host} cannot be resolved", hint="see `--host` and your ssh_config")
    if isinstance(error, (TimeoutError, socket.timeout)):
        return UnreachableError(f"{where} does not answer", hint="is it on, and awake?")
    return UnreachableError(f"{where}: {error or type(error).__name__}")
