"""Reaching machines: several at once, while the profile and the roles are being read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from provision.errors import ProvisionError
from provision.run.session import Session, open_session
from provision.transports.base import Transport

T = TypeVar("T")


class Later(Generic[T]):
    """A value that a thread is making."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._value: T | None = None
        self._error: BaseException | None = None
        self._made = threading.Event()  # not `Thread.join`: interrupted, it takes a thread that goes on for one that ended
        threading.Thread(target=self._work, args=(make,), daemon=True).start()

    def _work(self, make: Callable[[], T]) -> None:
        try:
            self._value = make()
        except BaseException as error:  # noqa: BLE001 - raised again where the value is wanted
            self._error = error
        finally:
            self._made.set()

    def get(self) -> T:
        """Wait for the value, or raise what its making raised."""
        while not self._made.wait(0.5):  # a bounded wait, so that Ctrl-C is heard
            pass
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # set when there was no error


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


def connect(transports: list[Transport], sudo: Sudo, gate: Gate) -> dict[str, Later[Session]]:
    """Start a session with each machine; returns at once."""

    def opening(transport: Transport) -> Callable[[], Session]:
        def ask(host: str) -> str:
            return gate.ask(sudo.ask, host)

        return lambda: open_session(transport, sudo=sudo.wanted, password=sudo.password, ask=ask)

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
