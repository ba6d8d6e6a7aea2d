"""This boot's kernel log, as far as it tells of the GPU and its driver."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from provision.agent.facts.tree import Tree, clean

_DEVICE = "/dev/kmsg"
_FILE = "/var/log/kern.log"
_RECORD = 1 << 13
"""Bytes of the longest record (linux: CONSOLE_EXT_LOG_MAX)."""
_RECORDS = 1 << 15
_FILE_BYTES = 1 << 24
_LINES = 40
_LENGTH = 400
_WORDS = (
    b"NVRM",
    b"Xid",
    b"nouveau",
    b"nova",
    b"nvidia",
    b"NVIDIA",
    b"module verification",
    b"Key was rejected",
    b"unavailable key",
    b"GSP",
)
_CHATTER = (b"audit:", b"Command line:", b"Kernel command line:")
"""Lines that name the driver only in passing, some of them over and over."""


def lines(tree: Tree) -> tuple[str, ...]:
    """Return the newest lines, oldest first, without times; one that comes again stands where it came last."""
    found: dict[str, None] = {}
    for raw in _live() if tree.live else from_file(tree.bytes(_FILE, _FILE_BYTES)):
        if any(word in raw for word in _WORDS) and not raw.startswith(_CHATTER):
            line = clean(raw).replace("\n", " ").replace("\t", " ").strip()[:_LENGTH]
            found.pop(line, None)
            found[line] = None
    return tuple(found)[-_LINES:]


def message(record: bytes) -> bytes:
    r"""Return what a record of /dev/kmsg (`6,339,5140900,-;text\n KEY=value`) says; nothing where a program wrote it there."""
    head, _, text = record.partition(b";")
    priority = head.partition(b",")[0]
    ours = priority.isdigit() and len(priority) == 1  # of the facility `kern`; others are 8 and more
    return text.partition(b"\n")[0] if ours else b""


def from_file(log: bytes) -> Iterator[bytes]:
    """Yield the messages of a `kern.log` since the kernel last started."""
    start = max(log.rfind(b"] Linux version "), log.rfind(b"kernel: Linux version "))
    for line in log[max(start, 0) :].split(b"\n"):
        text = line.partition(b" kernel: ")[2]
        yield text.partition(b"] ")[2] if text.startswith(b"[") else text


def _live() -> Iterator[bytes]:
    try:
        device = os.open(_DEVICE, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        for _ in range(_RECORDS):
            try:
                record = os.read(device, _RECORD)
            except OSError as error:
                if error.errno == errno.EPIPE:  # the kernel wrote over what we were about to read
                    continue
                return
            if not record:
                return
            yield message(record)
    finally:
        os.close(device)
