"""A byte stream to a machine's stage 1, and the conversation that turns it into a channel of messages."""

from __future__ import annotations

import contextlib
import json
import struct
from collections.abc import Callable
from typing import Any, Protocol

from provision.agent.stage1 import EARLY, SUDO
from provision.agent.wire import LIMIT, MAGIC, Message, pack
from provision.errors import ProvisionError, UnreachableError

AskPassword = Callable[[str], str]
"""Given the host's name, returns the sudo password, or an empty string when there is nobody to ask."""


_HEAD = 4


class Stream(Protocol):
    """A running stage 1: bytes in, bytes out."""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""

    def read(self, count: int) -> bytes:
        """Return 1 to `count` bytes; empty at the end."""

    def epilogue(self) -> str:
        """Return what the other side said on stderr, and how it ended; call it at the end only."""

    def close(self) -> None:
        """End the connection."""


class Transport(Protocol):
    """A way to a machine."""

    name: str
    """What people call the machine."""
    remote: bool
    """Whether it is reached over a network: nobody can be taken to sit at its console."""

    def start(self, command: str) -> Stream:
        """Run `command` under the login user's shell; raises `UnreachableError`."""


class Channel:
    """Messages to and from the agent of one machine."""

    def __init__(self, name: str, stream: Stream) -> None:
        self.name = name
        self._stream = stream
        self._buffer = bytearray()
        self._said = ""

    def send(self, message: Message) -> None:
        """Send one message; raises `UnreachableError` when the link is gone."""
        self.raw(pack(message))

    def raw(self, data: bytes) -> None:
        """Send bytes ahead of the messages; raises `UnreachableError` when the link is gone."""
        try:
            self._stream.write(data)
        except (OSError, EOFError) as error:
            raise self._lost() from error

    def receive(self) -> Message:
        """Return the next message; raises `UnreachableError` when the link is gone. An interrupt loses nothing."""
        while (message := self._whole()) is None:
            self._more()
        return message

    def skip_noise(self) -> None:
        """Drop what the login shell printed before the agent's first word."""
        while MAGIC not in self._buffer:
            self._more()
            if len(self._buffer) > 1 << 20:
                raise UnreachableError(f"{self.name}: the login shell prints without end")
        del self._buffer[: self._buffer.index(MAGIC) + len(MAGIC)]

    def close(self) -> None:
        """Say goodbye and close the link."""
        try:
            self._stream.write(pack({"do": "bye"}))
        except (OSError, EOFError):
            return
        finally:
            self._stream.close()

    def _whole(self) -> Message | None:
        if len(self._buffer) < _HEAD:
            return None
        (length,) = struct.unpack_from(">I", self._buffer)
        if length > LIMIT:
            raise UnreachableError(f"{self.name}: what answers is not the agent")
        if len(self._buffer) < _HEAD + length:
            return None
        message: Message = json.loads(self._buffer[_HEAD : _HEAD + length])
        del self._buffer[: _HEAD + length]
        return message

    def _more(self) -> None:
        try:
            data = self._stream.read(1 << 16)
        except (OSError, EOFError) as error:
            raise self._lost() from error
        if not data:
            raise self._lost()
        self._buffer += data

    def _lost(self) -> UnreachableError:
        self._said += self._stream.epilogue()  # what was read once is gone, and this may be called again
        said = self._said.strip()
        if "python3" in said and ("not found" in said or "No such file" in said):
            return UnreachableError(
                f"{self.name} has no `python3`", hint=f"ssh {self.name} sudo apt-get install -y python3", evidence=said
            )
        return UnreachableError(f"the connection to {self.name} ended", evidence=said)


def open_channel(
    transport: Transport,
    *,
    command: str,
    stage1: bytes,
    agent: bytes,
    sudo: bool,
    password: str,
    ask: AskPassword,
    early: Callable[[], Message] | None = None,
) -> tuple[Channel, Message]:
    """Start the agent on a machine; return the channel and the agent's first message (its facts).

    All is sent at once, so that a known password costs no turn; `early` gives a message that follows at once, unasked.
    Raises `UnreachableError` when sudo refuses.
    """
    channel = Channel(transport.name, transport.start(command))
    try:
        header = bytes([SUDO * sudo | EARLY * (early is not None)]) + password.encode()
        channel.raw(stage1 + _piece(header) + _piece(agent))
        if early is not None:
            with contextlib.suppress(UnreachableError):  # refused meanwhile, perhaps: the answer says why
                channel.send(early())
        channel.skip_noise()
        first = channel.receive()
        if first["type"] == "password-wanted":
            channel.raw(_piece(ask(transport.name).encode()))
            first = channel.receive()
    except ProvisionError:
        channel.close()
        raise
    if first["type"] == "refused":
        channel.close()
        raise _refused(transport.name, first)
    return channel, first


def _piece(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _refused(name: str, message: dict[str, Any]) -> UnreachableError:
    texts = {
        "wrong-password": ("the sudo password is wrong", "it was tried once; run the command again"),
        "password-needed": (
            "sudo wants a password and there is nobody to ask",
            "`--ask-sudo-password`, or `--sudo-password-stdin`",
        ),
        "not-allowed": ("sudo does not let this user become root", "log in as a user who may use sudo"),
        "silent": ("sudo did not answer", "`sudo -v` on the machine shows what it waits for"),
    }
    text, hint = texts[message["why"]]
    return UnreachableError(f"{name}: {text}", hint=hint, evidence=message["text"])
