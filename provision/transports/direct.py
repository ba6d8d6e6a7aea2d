"""A connection with nothing in between, by paramiko itself."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import paramiko

from provision.transports.dial import GREETING, Dialled, Greeted, connect
from provision.transports.known_hosts import KnownHosts, Refuse
from provision.transports.route import Route


class Direct:
    """The machine at the end of `route`; it has the attributes of a fabric connection that we use."""

    def __init__(self, route: Route, *, timeout: float, dialled: Dialled | None = None) -> None:
        self.host, self.port, self.user = route.host, route.port, route.user
        self._route = route
        self._timeout = timeout
        self._dialled = dialled
        self._socket: Greeted | None = None
        self._client = paramiko.SSHClient()

    @property
    def transport(self) -> paramiko.Transport:
        """The SSH connection, once it is open."""
        transport = self._client.get_transport()
        assert transport is not None  # noqa: S101 - opened before it is used
        return transport

    def open(self) -> None:
        """Connect, check the host's key, log in; raises what paramiko raises, and `UnreachableError` for a key not trusted."""
        trust(self._client, KnownHosts(self._route.known_hosts), self._route.name)
        self._socket = (self._dialled and self._dialled.taken(self.host, self.port)) or connect(self.host, self.port)
        self._client.connect(
            self.host,
            self.port,
            username=self.user,
            key_filename=list(self._route.keys) or None,  # type: ignore[arg-type] # a list is documented, the stub lacks it
            look_for_keys=not self._route.only_keys,
            allow_agent=not self._route.only_keys,
            timeout=self._timeout,
            sock=self._socket,  # type: ignore[arg-type] # it has all of a socket's methods
            transport_factory=_transport,
        )

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes paramiko's thread, which would look up every 100 ms only
            self._socket.close()
        self._client.close()


def _transport(link: Any, **options: Any) -> paramiko.Transport:  # noqa: ANN401 - what paramiko gives
    transport = paramiko.Transport(link, **options)
    transport.local_version = GREETING  # part of what both sides sign
    return transport


def trust(client: paramiko.SSHClient, known: KnownHosts, name: str) -> None:
    """Let `client` talk to machines whose key is in `known`, and to no others."""
    # paramiko prefers the key types it finds here, and refuses a host whose key of that type differs
    client._host_keys = known.trusted  # type: ignore[attr-defined] # noqa: SLF001 - the public loader reads files only, and crashes on markers
    client.set_missing_host_key_policy(Refuse(known, name))
