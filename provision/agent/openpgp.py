"""Just enough OpenPGP (RFC 9580) to tell which key a text holds, so that no target needs gpg for it."""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Iterator

from provision.errors import ProvisionError

_BLOCK = re.compile(r"-----BEGIN PGP PUBLIC KEY BLOCK-----[ \t]*\r?\n(.*?)\r?\n-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL)
_PUBLIC_KEY = 6


def fingerprint(armoured: str) -> str:
    """Return the fingerprint of the one primary key in an ASCII-armoured text, in upper-case hexadecimal.

    40 digits for a version 4 key, 64 for version 6. Raises `ProvisionError` for damaged text and for none or several keys:
    apt would trust each of them.
    """
    try:
        keys = [body for tag, body in _packets(dearmour(armoured)) if tag == _PUBLIC_KEY]
    except (ValueError, IndexError) as error:
        raise ProvisionError(f"not an OpenPGP public key: {error}") from error
    if len(keys) != 1:
        raise ProvisionError(f"the text holds {len(keys)} OpenPGP keys, one is expected")
    body = keys[0]
    if body[:1] == b"\x04":
        return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body).hexdigest().upper()  # noqa: S324 - as OpenPGP v4 has it
    if body[:1] == b"\x06":
        return hashlib.sha256(b"\x9b" + len(body).to_bytes(4, "big") + body).hexdigest().upper()
    raise ProvisionError(f"an OpenPGP key of version {body[0] if body else 'none'}, 4 or 6 is expected")


def dearmour(text: str) -> bytes:
    """Return the bytes in the one armoured block of `text`; raises `ValueError`."""
    if text.count("-----BEGIN ") != 1:
        raise ValueError("one armoured block is expected")
    block = _BLOCK.search(text)
    if block is None:
        raise ValueError("no complete public key block")
    lines = [line.strip() for line in block[1].splitlines()]
    while lines and (not lines[0] or ":" in lines[0]):
        lines.pop(0)
    if lines and re.fullmatch(r"=[A-Za-z0-9+/]{4}", lines[-1]):
        lines.pop()  # a CRC-24, which RFC 9580 says to ignore: the fingerprint is the proof
    encoded = "".join(lines)
    if not re.fullmatch(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", encoded):
        raise ValueError("the armour is not base64")
    return binascii.a2b_base64(encoded)


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        first = data[at]
        if not first & 0x80:
            raise ValueError(f"no packet at byte {at}")
        tag, size, at = _new_header(data, at) if first & 0x40 else _old_header(data, at)
        if at + size > len(data):
            raise ValueError("a packet is cut short")
        yield tag, data[at : at + size]
        at += size


def _new_header(data: bytes, at: int) -> tuple[int, int, int]:
    tag, size = data[at] & 0x3F, data[at + 1]
    if size < 192:  # noqa: PLR2004 - one octet of length
        return tag, size, at + 2
    if size < 224:  # noqa: PLR2004 - two octets of length
        return tag, ((size - 192) << 8) + data[at + 2] + 192, at + 3
    if size < 255:  # noqa: PLR2004 - partial lengths are for data packets
        raise ValueError("a key packet of partial length")
    return tag, int.from_bytes(data[at + 2 : at + 6], "big"), at + 6


def _old_header(data: bytes, at: int) -> tuple[int, int, int]:
    octets = (1, 2, 4, 0)[data[at] & 3]
    if not octets:
        raise ValueError("a packet of indeterminate length")
    return (data[at] >> 2) & 0xF, int.from_bytes(data[at + 1 : at + 1 + octets], "big"), at + 1 + octets
