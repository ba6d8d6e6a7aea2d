"""Frames: whatever is packed comes back, however the bytes arrive, and nothing comes of a stream that ends early."""

from __future__ import annotations

import os
import struct
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.agent import wire
from provision.agent.wire import LIMIT, Message, Wire, pack
from provision.errors import ProvisionError

ANY_TEXT = st.text() | st.binary(max_size=9).map(os.fsdecode)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
MESSAGES = st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=4)


class Dribble:
    """A descriptor that gives and takes only as many bytes at a time as `sizes` says."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self.data = data
        self.sizes = sizes
        self.calls = 0
        self.written = b""

    def _next(self) -> int:
        self.calls += 1
        return self.sizes[self.calls % len(self.sizes)]

    def read(self, _fd: int, count: int) -> bytes:
        size = min(count, self._next())
        part, self.data = self.data[:size], self.data[size:]
        return part

    def write(self, _fd: int, data: bytes) -> int:
        part = bytes(data[: self._next()])
        self.written += part
        return len(part)


def received(data: bytes, sizes: list[int]) -> list[Message]:
    source = Dribble(data, sizes)
    found = []
    with patch.object(wire, "os", SimpleNamespace(read=source.read)):
        end = Wire(0, 1)
        while (message := end.receive()) is not None:
            found.append(message)
    return found


@settings(max_examples=50)
@given(messages=MESSAGES, sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_what_is_packed_comes_back_however_it_is_split(messages: list[Message], sizes: list[int]) -> None:
    assert received(b"".join(map(pack, messages)), sizes) == messages


@settings(max_examples=50)
@given(messages=MESSAGES, sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_short_writes_lose_nothing(messages: list[Message], sizes: list[int]) -> None:
    sink = Dribble(b"", sizes)
    with patch.object(wire, "os", SimpleNamespace(write=sink.write)):
        for message in messages:
            Wire(0, 1).send(message)
    assert sink.written == b"".join(map(pack, messages))


def test_a_stream_that_ends_anywhere_gives_whole_messages_only() -> None:
    messages: list[Message] = [{"do": "plan", "é": [1, 2]}, {}, {"text": "zwei"}]
    frames = [pack(message) for message in messages]
    data = b"".join(frames)
    ends = [sum(map(len, frames[:count])) for count in range(len(frames) + 1)]
    for cut in range(len(data) + 1):
        whole = sum(end <= cut for end in ends) - 1
        assert received(data[:cut], [1 << 20]) == messages[:whole], cut


def test_through_a_real_pipe() -> None:
    reading, writing = os.pipe()
    Wire(reading, writing).send({"do": "bye"})
    os.close(writing)
    end = Wire(reading, -1)
    assert end.receive() == {"do": "bye"}
    assert end.receive() is None
    os.close(reading)


def test_a_length_that_no_message_has_is_refused_before_it_is_read() -> None:
    with pytest.raises(ProvisionError, match="not one of ours"):
        received(struct.pack(">I", LIMIT + 1) + b"SSH-2.0-", [1 << 20])


def test_nobody_there_to_read() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        Wire(-1, writing).send({})
    os.close(writing)
