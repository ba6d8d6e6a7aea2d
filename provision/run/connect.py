"""Reaching machines: several at once, while the profile and the roles are being read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from provision.errors import ProvisionError
from provision.later import Later
from provision.run.guess import Guess
from provision.run.session import Session, open_session
from provision.transports.base import Transport

T = TypeVar("T")
NO_GUESSES: Mapping[str, Guess | None] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Sudo:
    """How to become root: whether to, the password if it is known, and who to ask."""

    wanted: bool = True
    password: str = ""
    ask: Callable[[str], str] = lambda _host: ""


class Gate:
    """Holds questions to a person back until it is known that there is something to ask for."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()

    def open(self) -> None:
        """Let questions through."""
        self._event.set()

    def ask(self, question: Callable[[str], str], host: str) -> str:
        """Ask once the gate is open; one question at a time."""
        self._event.wait()
        with self._lock:
            return question(host)


def connect(
    transports: list[Transport], sudo: Sudo, gate: Gate, guesses: Mapping[str, Guess | None] = NO_GUESSES
) -> dict[str, Later[Session]]:
    """Start a session with each machine; returns at once. Every guess must be made, or its session never begins."""

    def opening(transport: Transport) -> Callable[[], Session]:
        def ask(host: str) -> str:
            return gate.ask(sudo.ask, host)

        guess = guesses.get(transport.name)
        return lambda: open_session(transport, sudo=sudo.wanted, password=sudo.password, ask=ask, guess=guess)

    return {transport.name: Later(opening(transport)) for transport in transports}


def each(
    hosts: list[str], work: Callable[[str], T], interrupted: Callable[[], None] | None = None
) -> dict[str, T | ProvisionError]:
    """Do `work` for every host side by side; a host that fails does not stop the others.

    The first Ctrl-C calls `interrupted` and goes on waiting; a second one (or the first, without it) is raised.
    """

    def one(host: str) -> T | ProvisionError:
        try:
            return work(host)
        except ProvisionError as error:
            return error

    def bound(host: str) -> Callable[[], T | ProvisionError]:
        return lambda: one(host)

    started = {host: Later(bound(host)) for host in hosts}
    try:
        return {host: later.get() for host, later in started.items()}
    except KeyboardInterrupt:
        if interrupted is None:
            raise
        interrupted()
        return {host: later.get() for host, later in started.items()}
