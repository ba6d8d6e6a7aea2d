"""IPv4 addresses from the kernel, through rtnetlink(7): /proc has no file that tells which interface holds which."""

from __future__ import annotations

import _socket
from collections.abc import Iterator
from struct import calcsize, error, pack, unpack_from

_NETLINK, _RAW, _ROUTE = 16, 3, 0
_GET_ADDRESS, _NEW_ADDRESS, _DONE, _ERROR = 22, 20, 3, 2
_REQUEST_DUMP = 0x301
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_IPV4_BYTES = 4
_HEADER = "=IHHII"
_ADDRESS = "=BBBBI"
_ATTRIBUTE = "=HH"
_SECONDS = 2.0


def ipv4_addresses() -> dict[int, list[str]]:
    """Return the IPv4 addresses by interface index; empty where the kernel does not answer."""
    found: dict[int, list[str]] = {}
    try:
        for index, address in _dump():
            found.setdefault(index, []).append(address)
    except (OSError, error):
        return {}
    return found


def _dump() -> Iterator[tuple[int, str]]:
    route = _socket.socket(_NETLINK, _RAW, _ROUTE)
    try:
        route.settimeout(_SECONDS)
        body = pack(_ADDRESS, _socket.AF_INET, 0, 0, 0, 0)
        route.send(pack(_HEADER, calcsize(_HEADER) + len(body), _GET_ADDRESS, _REQUEST_DUMP, 1, 0) + body)
        while True:
            answer = route.recv(1 << 16)
            if not answer:
                return
            for kind, message in _messages(answer):
                if kind in (_DONE, _ERROR):
                    return
                if kind == _NEW_ADDRESS:
                    yield from address(message)
    finally:
        route.close()


def _messages(answer: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + calcsize(_HEADER) <= len(answer):
        length, kind, *_ = unpack_from(_HEADER, answer, at)
        yield kind, answer[at + calcsize(_HEADER) : at + length]
        at += max(calcsize(_HEADER), (length + 3) & ~3)


def address(message: bytes) -> Iterator[tuple[int, str]]:
    """Yield the interface index and the local address of one RTM_NEWADDR message (the peer's where it has no local one)."""
    *_, index = unpack_from(_ADDRESS, message)
    values: dict[int, bytes] = {}
    at = calcsize(_ADDRESS)
    while at + calcsize(_ATTRIBUTE) <= len(message):
        length, kind = unpack_from(_ATTRIBUTE, message, at)
        values[kind] = message[at + calcsize(_ATTRIBUTE) : at + length]
        at += max(calcsize(_ATTRIBUTE), (length + 3) & ~3)
    local = values.get(_IFA_LOCAL) or values.get(_IFA_ADDRESS) or b""
    if len(local) == _IPV4_BYTES:
        yield index, _socket.inet_ntop(_socket.AF_INET, local)
