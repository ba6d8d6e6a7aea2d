"""Parts of an .xz file without expanding the rest: its index says where each block begins (The .xz File Format, 1.2.1).

Debian's kernel modules are blocks of 3 MiB; what is asked of a driver's 64 MiB lies in three of them.
"""

from __future__ import annotations

import lzma
from collections.abc import Callable, Iterator
from typing import NamedTuple

_HEADER = 12
"""Bytes of the header of a stream, and of its footer."""
_MOST = 1 << 28
"""Bytes a block may grow to, and of memory to do it with."""
_INDEX = 1 << 20
"""Bytes of an index; a block takes ten."""
_MORE = 0x80


class _Block(NamedTuple):
    offset: int
    size: int
    starts: int
    length: int


class Xz:
    """An .xz file of one stream, `size` bytes that `at(offset, count)` returns; raises `ValueError` for anything else."""

    def __init__(self, size: int, at: Callable[[int, int], bytes]) -> None:
        self._at = at
        footer = at(size - _HEADER, _HEADER) if size > 2 * _HEADER else b""
        if not footer.endswith(b"YZ"):
            raise ValueError("no footer")
        index = (int.from_bytes(footer[4:8], "little") + 1) * 4
        start = size - _HEADER - index
        if not _HEADER <= start < size or index > _INDEX:
            raise ValueError("no index")
        self._blocks = tuple(_blocks(at(start, index), start))
        self._kept: dict[_Block, bytes] = {}
        self.size = sum(block.length for block in self._blocks)

    def at(self, offset: int, count: int) -> bytes:
        """Return `count` expanded bytes from `offset`, fewer at the end; raises `ValueError` where they are damaged."""
        end = offset + count
        blocks = (block for block in self._blocks if block.starts < end and offset < block.starts + block.length)
        return b"".join(self._expanded(block)[max(offset - block.starts, 0) : end - block.starts] for block in blocks)

    def _expanded(self, block: _Block) -> bytes:
        if block not in self._kept:
            data = self._at(0, _HEADER) + self._at(block.offset, block.size)
            try:
                self._kept[block] = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST).decompress(data, block.length)
            except (lzma.LZMAError, EOFError) as error:
                raise ValueError(str(error)) from None
        return self._kept[block]


def _blocks(index: bytes, end: int) -> Iterator[_Block]:
    """Yield the blocks that an index names; `end` is where the last one must."""
    numbers = _numbers(index)
    if next(numbers, 1):
        raise ValueError("not an index")
    offset, starts = _HEADER, 0
    for _ in range(next(numbers, 0)):
        size, length = next(numbers, 0), next(numbers, _MOST + 1)
        if length > _MOST or offset + size > end:
            raise ValueError("larger than we read")
        yield _Block(offset, size, starts, length)
        offset += -size // 4 * -4
        starts += length
    if offset != end:
        raise ValueError("more than one stream")


def _numbers(data: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in data:
        value |= (byte & ~_MORE) << shift
        shift += 7
        if byte < _MORE:
            yield value
            value = shift = 0
        elif shift > 63:  # noqa: PLR2004 - nine bytes of seven bits
            raise ValueError("a number without an end")
