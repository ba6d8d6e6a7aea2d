"""Who signed, from a PKCS #7 signature (RFC 2315, RFC 5652): a walk along its DER, nothing is verified."""

from __future__ import annotations

from collections.abc import Iterator

_SEQUENCE, _SET, _KEY_ID = 0x30, 0x31, 0x80
_CONTENT = 0xA0
_COMMON_NAME = b"\x55\x04\x03"
_ENCODINGS = {0x1E: "utf-16-be", 0x14: "latin-1"}
_LONG = 0x80

Part = tuple[int, int, int]
"""A tag, and where its content starts and ends."""


def signer(data: bytes) -> str:
    """Return the common name in the first signer's issuer, `key ID` where the signature names only its key.

    Empty for what is no signature; never raises for what the bytes are.
    """
    try:
        return _signer(data)
    except (ValueError, StopIteration):
        return ""


def _signer(data: bytes) -> str:
    message = next(_parts(data, 0, len(data)))
    signed = next(_parts(data, *_only(_parts(data, *message[1:]), _CONTENT)))
    infos = [part for part in _parts(data, *signed[1:]) if part[0] == _SET][-1:]
    for info in infos:
        for tag, start, end in _parts(data, *next(_parts(data, *info[1:]))[1:]):
            if tag == _SEQUENCE:
                return _common_name(data, *next(_parts(data, start, end))[1:])
            if tag == _KEY_ID:
                return f"key {data[start:end].hex()}"
    return ""


def _only(parts: Iterator[Part], wanted: int) -> tuple[int, int]:
    return next((start, end) for tag, start, end in parts if tag == wanted)


def _common_name(data: bytes, start: int, end: int) -> str:
    """Return a name's common name, else the last thing it says, as kmod does."""
    text = ""
    for _, first, last in _parts(data, start, end):
        for _, inner, outer in _parts(data, first, last):
            what, value = _two(_parts(data, inner, outer))
            text = data[value[1] : value[2]].decode(_ENCODINGS.get(value[0], "utf-8"), "replace")
            if data[what[1] : what[2]] == _COMMON_NAME:
                return text
    return text


def _two(parts: Iterator[Part]) -> tuple[Part, Part]:
    return next(parts), next(parts)


def _parts(data: bytes, at: int, end: int) -> Iterator[Part]:
    """Yield the values that lie one after the other; raises `ValueError` where one does not fit."""
    while at < end:
        if end - at < 2:  # noqa: PLR2004 - a tag and a length
            raise ValueError("cut off")
        tag, length = data[at], data[at + 1]
        at += 2
        if length >= _LONG:
            count = length - _LONG
            length = int.from_bytes(data[at : at + count], "big")
            at += count
        if length > end - at:
            raise ValueError("longer than what holds it")
        yield tag, at, at + length
        at += length
