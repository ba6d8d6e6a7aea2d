"""The pages of a mapped file are given back while an index is solved with, and can be read again."""

from __future__ import annotations

import mmap
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from provision.catalog.templates import template

SIZE = 8 << 20


@pytest.fixture
def memory() -> Iterator[ModuleType]:
    module = ModuleType("memory")
    exec(compile(template("conda/memory.py"), "memory.py", "exec"), module.__dict__)  # noqa: S102 - our own program
    yield module
    sys.modules.pop("memory", None)


def resident(path: Path) -> int:
    """Return how many bytes of a mapped file this process holds."""
    found, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ", 1)[0]:
            inside = line.endswith(str(path))
        elif inside and line.startswith("Rss:"):
            found += int(line.split()[1]) * 1024
    return found


def test_pages_are_given_back(memory: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "cache" / "index.json"
    path.parent.mkdir()
    path.write_bytes(b"x" * SIZE)
    other = tmp_path / "other.json"
    other.write_bytes(b"y" * SIZE)
    with (
        path.open("rb") as index,
        other.open("rb") as beside,
        mmap.mmap(index.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        mmap.mmap(beside.fileno(), 0, access=mmap.ACCESS_READ) as untouched,
    ):
        assert (mapped.find(b"z"), untouched.find(b"z")) == (-1, -1)
        assert (resident(path), resident(other)) == (SIZE, SIZE)
        with memory.lean(path.parent):
            deadline = time.monotonic() + 10
            while resident(path) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert (resident(path), resident(other)) == (0, SIZE)
            assert mapped[:] == b"x" * SIZE
