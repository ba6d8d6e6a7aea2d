"""Where a destination leads, as ssh_config has it: address, user, keys, known_hosts files, and whether others are in between."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko

from provision.errors import InputError
from provision.transports.known_hosts import SYSTEM, user_file

USER_CONFIG = Path("~/.ssh/config")
SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")


@dataclass(frozen=True, kw_only=True)
class Route:
    """One resolved destination; `name` is what it was called, without user and port."""

    name: str
    host: str
    port: int
    user: str
    keys: tuple[str, ...]
    """Private keys to try, besides the agent's and the usual ones unless `only_keys`."""
    only_keys: bool
    known_hosts: tuple[Path, ...]
    direct: bool
    """Whether no ProxyJump and no ProxyCommand is in between."""


def find_route(destination: str, ssh_config: Path | None) -> Route:
    """Return the route to `destination`: by `ssh_config` alone where one is given, else by the user's and the system's.

    Raises `InputError` for a destination or a configuration that cannot be read.
    """
    user, name, port = split(destination)
    try:
        settings = _read(ssh_config).lookup(name)
        found_port = port or int(settings.get("port", paramiko.config.SSH_PORT))
    except (ValueError, OSError, paramiko.SSHException) as error:
        raise InputError(f"{destination}: {error}") from error
    return Route(
        name=name,
        host=settings.get("hostname", name),
        port=found_port,
        user=user or settings.get("user") or getpass.getuser(),
        keys=tuple(settings.get("identityfile", ())),
        only_keys=settings.get("identitiesonly", "no") == "yes",
        known_hosts=known_hosts_files(settings),
        direct=not {"proxyjump", "proxycommand"} & set(settings),
    )


def known_hosts_files(settings: paramiko.SSHConfigDict) -> tuple[Path, ...]:
    """Return the known_hosts files that hold for a host: the user's, or those its configuration names, and the system's."""
    named = tuple(Path(name).expanduser() for name in settings.get("userknownhostsfile", "").split())
    return (*(named or (user_file(),)), *SYSTEM)


def split(destination: str) -> tuple[str, str, int]:
    """Return user, name and port of `user@name:port`; empty and 0 where they are not given. Raises `InputError`."""
    user, _, rest = destination.rpartition("@")
    name, colon, port = rest.rpartition(":") if rest.count(":") == 1 else (rest, "", "")
    if colon and not port.isdecimal():
        raise InputError(f"not a port: `{port}` in `{destination}`", hint="`--host user@name:port`")
    return user, name.strip("[]"), int(port or 0)


def _read(ssh_config: Path | None) -> paramiko.SSHConfig:
    config = paramiko.SSHConfig()
    for path in _paths(ssh_config):
        with path.open() as file:
            config.parse(file)
    return config


def _paths(ssh_config: Path | None) -> Iterator[Path]:
    if ssh_config is not None:
        if not ssh_config.is_file():
            raise InputError(f"no such ssh_config: {ssh_config}")
        yield ssh_config
        return
    for path in (USER_CONFIG.expanduser(), SYSTEM_CONFIG):
        if path.is_file():
            yield path
