"""Framed messages on a byte stream: four bytes of length, then one JSON object. The same on both sides."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

from provision.errors import ProvisionError

MAGIC = b"\x00provision-agent-1\n"
"""Before the first frame; whatever a login shell printed before it is skipped."""

LIMIT = 1 << 28
"""The largest frame accepted, bytes."""

Message = dict[str, Any]


def pack(message: Message) -> bytes:
    """Return `message` as one frame; file names that are not UTF-8 (lone surrogates) come back as they were."""
    body = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return struct.pack(">I", len(body)) + body


class Wire:
    """A pair of file descriptors that carries messages; used by the agent."""

    def __init__(self, reading: int, writing: int) -> None:
        self.reading = reading
        self._writing = writing

    def send(self, message: Message) -> None:
        """Send one message; raises `BrokenPipeError` when the other side is gone."""
        data = memoryview(pack(message))
        while data:
            data = data[os.write(self._writing, data) :]

    def receive(self) -> Message | None:
        """Return the next message, or `None` at the end of the stream."""
        head = self._exactly(4)
        if head is None:
            return None
        (length,) = struct.unpack(">I", head)
        if length > LIMIT:
            raise ProvisionError(f"a message of {length} bytes is not one of ours")
        body = self._exactly(length)
        if body is None:
            return None
        message: Message = json.loads(body)
        return message

    def _exactly(self, count: int) -> bytes | None:
        parts = bytearray()
        while len(parts) < count:
            part = os.read(self.reading, min(count - len(parts), 1 << 20))
            if not part:
                return None
            parts += part
        return bytes(parts)
