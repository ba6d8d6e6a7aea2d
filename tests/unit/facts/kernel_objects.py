"""Kernel modules made by hand: an ELF file with a `.modinfo` section, and a signature behind it."""

from __future__ import annotations

import struct
from collections.abc import Mapping

NVIDIA = {"license": "NVIDIA", "version": "580.95.05", "supported": "external"}
OPEN = {"license": "Dual MIT/GPL", "version": "580.95.05"}
MARK = b"~Module signature appended~\n"


def module(fields: Mapping[str, str], *, wide: bool = True, order: str = "<", filler: bytes = b"") -> bytes:
    """Return an ELF file of 64 or 32 bits in either byte order, its sections after `filler`."""
    info = b"".join(f"{name}={value}".encode() + b"\0" for name, value in fields.items())
    names = b"\0.shstrtab\0.modinfo\0"
    head, section = (64, struct.Struct(f"{order}IIQQQQIIQQ")) if wide else (52, struct.Struct(f"{order}10I"))
    at = head + len(filler)
    table = at + len(info) + len(names)
    sections = section.pack(0, *(0,) * 9)
    sections += section.pack(1, 3, 0, 0, at + len(info), len(names), 0, 0, 1, 0)
    sections += section.pack(11, 1, 2, 0, at, len(info), 0, 0, 1, 0)
    start = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    word = "Q" if wide else "I"
    rest = struct.pack(f"{order}HHI3{word}I6H", 1, 62, 1, 0, 0, table, 0, head, 0, 0, section.size, 3, 1)
    return start + rest + filler + info + names + sections


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + body


def named(*names: tuple[bytes, str]) -> bytes:
    """Return a distinguished name of such attributes (the last byte of their object identifier, their text)."""
    return der(0x30, *(der(0x31, der(0x30, der(6, b"\x55\x04" + kind), der(0x0C, text.encode()))) for kind, text in names))


def pkcs7(who: bytes) -> bytes:
    """Return a signature whose signer is `who`: an issuer with a serial number, or a key id."""
    info = der(0x30, der(2, b"\1"), who, der(0x30), der(0x30), der(4, bytes(256)))
    signed = der(0x30, der(2, b"\1"), der(0x31), der(0x30, der(6, b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01")), der(0x31, info))
    return der(0x30, der(6, b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"), der(0xA0, signed))


def issued(*names: tuple[bytes, str]) -> bytes:
    return der(0x30, named(*names), der(2, b"\x07"))


def signature(data: bytes, *, kind: int = 2, signer: bytes = b"", key: bytes = b"", length: int = -1) -> bytes:
    trailer = struct.pack(">BBBBBxxxI", 0, 0, kind, len(signer), len(key), len(data) if length < 0 else length)
    return signer + key + data + trailer + MARK
