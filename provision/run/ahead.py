"""Connections that are begun before the command line has been parsed.

What parses it takes as long to import as two turns to the machine take; it is imported while the login goes on. A command
line that turns out to be wrong has then connected and logged in, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from provision.errors import InputError

if TYPE_CHECKING:
    from provision.transports.ssh import Ssh

_REACHING = {"apply", "attach", "facts", "lock", "plan", "runs", "verify"}
"""The verbs that talk to machines."""

_begun: dict[tuple[str, Path | None], Ssh] = {}
"""The one thing that outlives parsing; each is taken once."""


def begin(arguments: Sequence[str]) -> None:
    """Begin to log in to the machines that `arguments` name with `--host`, if the verb is one that talks to machines."""
    if not arguments or arguments[0] not in _REACHING or {"-h", "--help", "--"} & set(arguments):
        return
    hosts = list(_values(arguments, "--host", "-H"))
    if not hosts:
        return
    from provision.later import Later  # noqa: PLC0415 - costs time, and not every verb needs it
    from provision.transports.dial import Dialled, dial  # noqa: PLC0415 - as above

    config = next((Path(value) for value in _values(arguments, "--ssh-config")), None)

    def dialling(host: str) -> Later[Dialled | None]:
        return Later(lambda: dial(host, config))

    links = {host: dialling(host) for host in dict.fromkeys(hosts)}
    from provision.transports.ssh import Ssh  # noqa: PLC0415 - while the connection is being made

    for host, link in links.items():
        try:
            machine = Ssh(host, ssh_config=config)
        except InputError:  # said when the command line is parsed
            continue
        machine.begin(link)
        _begun[host, config] = machine


def machine(host: str, ssh_config: Path | None) -> Ssh:
    """Return the machine `host`, whose login may have begun."""
    from provision.transports.ssh import Ssh  # noqa: PLC0415 - as above

    return _begun.pop((host, ssh_config), None) or Ssh(host, ssh_config=ssh_config)


def _values(arguments: Sequence[str], *names: str) -> Iterator[str]:
    for name, following in zip(arguments, (*arguments[1:], ""), strict=True):
        option, equals, value = name.partition("=")
        if option in names:
            yield value if equals else following
