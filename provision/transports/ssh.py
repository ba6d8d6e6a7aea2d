"""A machine over SSH: ssh_config, agent, keys and ProxyJump as OpenSSH has them; host keys strictly.

Fabric knows the way through jump hosts. Where nothing is in between, paramiko, on which it stands, is asked directly:
importing fabric takes 75 ms, before the first byte is sent.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from provision.errors import InputError, UnreachableError
from provision.later import Later
from provision.transports import lean  # noqa: F401 - before paramiko

import paramiko  # isort: skip

from provision.transports.dial import TIMEOUT, Dialled
from provision.transports.direct import Direct, trust
from provision.transports.known_hosts import KnownHosts, fingerprint
from provision.transports.route import find_route, known_hosts_files

if TYPE_CHECKING:
    from fabric import Connection

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # else it prints tracebacks of what is said in words here

CONNECT_TIMEOUT = TIMEOUT
LAST_WORDS = 1.0
"""Seconds to wait for the end of a program that has closed its stdout."""


class Link(Protocol):
    """A connection: our own, or fabric's through jump hosts."""

    host: str
    port: int
    user: str

    @property
    def transport(self) -> paramiko.Transport:
        """The SSH connection, once it is open."""

    def open(self) -> object:
        """Connect and log in."""

    def close(self) -> None:
        """End it, gateways included."""


class SshStream:
    """One exec channel, without a terminal, as a byte stream."""

    def __init__(self, connection: Link, channel: paramiko.Channel) -> None:
        self._connection = connection
        self._channel = channel

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        self._channel.sendall(data)

    def read(self, count: int) -> bytes:
        """Return 1 to `count` bytes; empty at the end."""
        return self._channel.recv(count)

    def epilogue(self) -> str:
        """Return what the other side said on stderr, which may come after the end of its stdout."""
        said, late = b"", time.monotonic() + LAST_WORDS
        while not self._channel.closed and self._connection.transport.is_active() and time.monotonic() < late:
            time.sleep(0.01)
        while self._channel.recv_stderr_ready():
            said += self._channel.recv_stderr(4096)
        return said.decode(errors="replace")

    def close(self) -> None:
        """Close the connection, gateways included."""
        with contextlib.suppress(OSError, EOFError):
            self._connection.close()


class Ssh:
    """The machine `destination` (`user@host`, `host:port`, or a name from ssh_config)."""

    remote = True

    def __init__(self, destination: str, *, ssh_config: Path | None = None) -> None:
        if not destination or destination.startswith("-") or any(c.isspace() or not c.isprintable() for c in destination):
            raise InputError(f"not a host: {destination!r}", hint="`--host user@name`, or a name from ssh_config")
        self.name = destination
        self._ssh_config = ssh_config
        self._begun: Later[Link] | None = None

    def connection(self) -> Connection:
        """Return the fabric connection, not opened yet, with host keys checked on every hop."""
        if self._ssh_config is not None and not self._ssh_config.is_file():
            raise InputError(f"no such ssh_config: {self._ssh_config}")
        from fabric import Config, Connection  # noqa: PLC0415 - see the top of this module

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

    def begin(self, dialled: Later[Dialled | None] | None = None) -> None:
        """Begin to log in, over a connection that may be there already; the next `start` goes on from there."""
        self._begun = Later(lambda: self._log_in(dialled.get() if dialled else None))

    def start(self, command: str) -> SshStream:
        """Connect, log in and run `command`; raises `UnreachableError` with the cause in words."""
        begun, self._begun = self._begun, None
        link = begun.get() if begun else self._log_in()
        try:
            return SshStream(link, _execute(link.transport, command))
        except (paramiko.SSHException, OSError, EOFError) as error:
            link.close()
            raise _why(self.name, link, error) from error

    def _log_in(self, dialled: Dialled | None = None) -> Link:
        route = find_route(self.name, self._ssh_config)
        link: Link = Direct(route, timeout=CONNECT_TIMEOUT, dialled=dialled) if route.direct else self.connection()
        try:
            link.open()
            link.transport.set_keepalive(15)
        except UnreachableError:
            link.close()
            raise
        except (paramiko.SSHException, OSError, EOFError) as error:
            link.close()
            raise _why(self.name, link, error) from error
        return link


def _execute(transport: paramiko.Transport, command: str) -> paramiko.Channel:
    """Return a channel on which `command` was asked for; its answer is not waited for, which saves a turn."""
    channel = transport.open_session(timeout=CONNECT_TIMEOUT)
    request = paramiko.Message()
    request.add_byte(paramiko.common.cMSG_CHANNEL_REQUEST)
    request.add_int(channel.remote_chanid)
    request.add_string("exec")
    request.add_boolean(False)  # noqa: FBT003 - paramiko's name; no answer: a refusal shows as a stream that ends
    request.add_string(command)
    transport._send_user_message(request)  # type: ignore[attr-defined] # noqa: SLF001 - `exec_command` always waits
    return channel


def _be_strict(connection: Connection) -> None:
    settings = connection.ssh_config
    trust(connection.client, KnownHosts(known_hosts_files(settings)), connection.original_host)
    if settings.get("identitiesonly", "no") == "yes":
        connection.connect_kwargs.update(look_for_keys=False, allow_agent=False)


def _why(name: str, connection: Link, error: Exception) -> UnreachableError:
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
    return UnreachableError(f"{where}: {str(error) or type(error).__name__}")
