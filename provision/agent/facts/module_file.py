"""What a kernel module says of itself: the fields of its `.modinfo` section, and who signed it.

An ELF file, perhaps compressed, with the signature behind it (linux: scripts/sign-file.c, include/linux/module_signature.h).
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable
from typing import NamedTuple

from provision.agent.facts.tree import Tree

_MARK = b"~Module signature appended~\n"
_TRAILER = struct.Struct(">BBBBBxxxI")
"""Of what lies before the mark: algorithm, hash, type, bytes of the signer's name and of the key id, bytes of the signature."""
_PKCS7 = 2
_MOST = 1 << 20
"""Bytes of a table or section that are read; real ones are a few KiB."""

At = Callable[[int, int], bytes]
"""Returns so many bytes from an offset, fewer at the end."""


class ModuleFile(NamedTuple):
    """A module's fields; all empty where the file is none. `signer` is the name modinfo(8) gives."""

    version: str = ""
    license: str = ""
    signer: str = ""


def read(tree: Tree, path: str) -> ModuleFile:
    """Return what the module at `path` says; Zstandard, which Python cannot read, is left to modinfo(8)."""
    if path.endswith(".ko.zst"):
        return from_modinfo(_modinfo(tree, path))
    try:
        file = os.open(tree.root + path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError):
        return ModuleFile()
    try:
        info = os.fstat(file)
        if not stat.S_ISREG(info.st_mode):
            return ModuleFile()
        size, at = info.st_size, _reader(file)
        if path.endswith(".ko.xz"):
            from provision.agent.facts.xz import Xz

            packed = Xz(size, at)
            size, at = packed.size, packed.at
        return parse(size, at)
    except (OSError, ValueError):
        return ModuleFile()
    finally:
        os.close(file)


def _reader(file: int) -> At:
    return lambda offset, count: os.pread(file, count, offset)


def parse(size: int, at: At) -> ModuleFile:
    """Return the fields of a module of `size` bytes; never raises for what the bytes are."""
    try:
        fields = _fields(at)
    except (struct.error, OverflowError, ValueError):
        fields = {}
    try:
        signer = _signer(size, at)
    except (struct.error, OverflowError, ValueError):
        signer = ""
    return ModuleFile(fields.get("version", ""), fields.get("license", ""), signer)


def from_modinfo(text: str) -> ModuleFile:
    """Return the fields modinfo(8) printed."""
    fields: dict[str, str] = {}
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if colon and not name.startswith((" ", "\t")):
            fields.setdefault(name, value.strip())
    return ModuleFile(fields.get("version", ""), fields.get("license", ""), fields.get("signer", ""))


def _modinfo(tree: Tree, path: str) -> str:
    if not tree.live:
        return ""
    from provision.agent.facts.asking import ask

    return ask(tree, ("modinfo", path), seconds=10)()


def _fields(at: At) -> dict[str, str]:
    head = at(0, 64)
    if head[:4] != b"\x7fELF":
        return {}
    order = "<" if head[5:6] == b"\x01" else ">"
    if head[4:5] == b"\x02":
        (table,), (width, count, names) = struct.unpack_from(f"{order}Q", head, 40), struct.unpack_from(f"{order}HHH", head, 58)
        section = struct.Struct(f"{order}I20xQQ24x")
    else:
        (table,), (width, count, names) = struct.unpack_from(f"{order}I", head, 32), struct.unpack_from(f"{order}HHH", head, 46)
        section = struct.Struct(f"{order}I12xII16x")
    if width != section.size:
        return {}
    headers = at(table, width * count)
    sections = list(section.iter_unpack(headers[: len(headers) // width * width]))
    _, start, length = sections[names] if names < len(sections) else (0, 0, 0)
    texts = at(start, min(length, _MOST))
    for name, offset, length in sections:
        if texts.startswith(b".modinfo\0", name):
            return _pairs(at(offset, min(length, _MOST)))
    return {}


def _pairs(data: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    for item in data.split(b"\0"):
        name, equals, value = item.decode("utf-8", "replace").partition("=")
        if equals:
            fields.setdefault(name, value)
    return fields


def _signer(size: int, at: At) -> str:
    """Return the name of who signed, empty without a signature that can be read; `key ID` where only a key is named."""
    end = size - len(_MARK) - _TRAILER.size
    tail = at(end, _TRAILER.size + len(_MARK)) if end > 0 else b""
    if not tail.endswith(_MARK):
        return ""
    _, _, kind, name_bytes, key_bytes, length = _TRAILER.unpack_from(tail)
    if kind == _PKCS7:
        from provision.agent.facts.pkcs7 import signer

        return signer(at(end - length, length)) if length <= min(end, _MOST) else ""
    start = end - length - key_bytes - name_bytes
    return at(start, name_bytes).decode("utf-8", "replace") if start >= 0 else ""
