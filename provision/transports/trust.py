"""Adding a host key is a person's decision: fetch what the host offers, without logging in, and record it on demand."""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import paramiko

from provision.errors import UnreachableError
from provision.transports.known_hosts import KnownHosts, fingerprint, user_file
from provision.transports.ssh import CONNECT_TIMEOUT, Ssh


@dataclass(frozen=True, kw_only=True)
class Offer:
    """The key a host offers, under the name known_hosts uses for it, and the file it would go to."""

    name: str
    key: paramiko.PKey
    file: Path

    @property
    def shown(self) -> str:
        """Type and fingerprint, as OpenSSH prints them."""
        return f"{self.key.get_name()} {fingerprint(self.key)}"


def fetch_key(destination: Ssh) -> Offer:
    """Return the key a host offers (ed25519 preferred); nothing is sent beyond the key exchange. Raises `UnreachableError`."""
    connection = destination.connection()
    try:
        if connection.gateway:
            link = connection.open_gateway()
        else:
            link = socket.create_connection((connection.host, connection.port), timeout=CONNECT_TIMEOUT)
        transport = paramiko.Transport(link)
        try:
            transport.start_client(timeout=CONNECT_TIMEOUT)
            key = transport.get_remote_server_key()
        finally:
            transport.close()
    except (OSError, EOFError, paramiko.SSHException) as error:
        where = f"{connection.host} port {connection.port}"
        raise UnreachableError(f"{where} does not answer with a host key: {error}", hint="is sshd running there?") from error
    name = connection.host if connection.port == paramiko.config.SSH_PORT else f"[{connection.host}]:{connection.port}"
    files = connection.ssh_config.get("userknownhostsfile", "").split()
    return Offer(name=name, key=key, file=Path(files[0]).expanduser() if files else user_file())


def state(offer: Offer) -> str:
    """Return `known`, `changed` (another key of that type is on record), `revoked` raises, or `new`."""
    known = KnownHosts([offer.file])
    if known.revoked(offer.key):
        raise UnreachableError(f"{offer.name} offers a revoked key ({offer.shown})", hint="do not connect before you know why")
    entries = known.trusted.lookup(offer.name)
    on_record = entries.get(offer.key.get_name()) if entries is not None else None
    if on_record is None:
        return "new"
    return "known" if on_record == offer.key else "changed"


def record(offer: Offer) -> None:
    """Append the key to the user's known_hosts (made 0600 when missing), whole or not at all."""
    offer.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = f"{offer.name} {offer.key.get_name()} {offer.key.get_base64()}\n"
    with contextlib.suppress(FileNotFoundError, IndexError):
        if not offer.file.read_bytes().endswith(b"\n") and offer.file.stat().st_size:
            line = "\n" + line
    fd = os.open(offer.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(line.encode())
        file.flush()
        os.fsync(fd)
