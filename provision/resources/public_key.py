"""OpenSSH public keys: what is one, and what is refused."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from provision.errors import InputError

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 16384
"""What OpenSSH reads at most (`SSHBUF_MAX_BIGNUM`)."""

# Order of the field and the curve's b; a is p - 3 for all three (SEC 2, sections 2.4.2, 2.5.1, 2.6.1).
_CURVES = {
    "nistp256": (
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    ),
    "nistp384": (
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    ),
    "nistp521": (
        2**521 - 1,
        0x0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
    ),
}
_FIELD_25519 = 2**255 - 19

TYPES = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)


@dataclass(frozen=True)
class Key:
    """A key as a line of `authorized_keys` has it: two keys are the same when `type` and `base64` are."""

    type: str
    base64: str
    comment: str = ""

    @property
    def material(self) -> tuple[str, str]:
        """What makes the key itself, whatever its comment."""
        return (self.type, self.base64)


def check_public_key(text: str) -> Key:
    """Return the key in `text` (`type base64 [comment]`); raises `InputError` for anything else, never quoting it.

    The base64 must be canonical, its embedded type must be the type named, and the key's numbers must be sound, so that
    a truncated or mistyped key is found here and not at the next login.
    """
    line = text.strip(" \t\n")
    if "PRIVATE KEY" in line or line.startswith("PuTTY-User-Key-File"):
        raise InputError(
            "this is a private key, which must stay where it is", hint="give the line in the file that ends in `.pub`"
        )
    if line.startswith("---- BEGIN"):
        raise InputError("this is a key in another format than OpenSSH's", hint="turn it with `ssh-keygen -i -f FILE`")
    if not line.isprintable():
        raise InputError("a public key must be one line without control characters")
    kind, _, rest = line.partition(" ")
    if kind == "ssh-dss":
        raise InputError("DSA keys are refused by OpenSSH", hint="make one with `ssh-keygen -t ed25519`")
    if kind not in TYPES:
        raise InputError("a public key must begin with its type, without options", hint=f"known types: {', '.join(TYPES)}")
    encoded, _, comment = rest.lstrip().partition(" ")
    _check_material(kind, _decode(encoded))
    return Key(kind, encoded, comment.strip())


def _decode(encoded: str) -> bytes:
    try:
        raw = base64.b64decode(encoded.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise InputError("a public key's second word must be base64", hint="copy the whole line again") from error
    # Spare bits of the last letter may hide a typo, and would make two spellings of one key.
    if not raw or base64.b64encode(raw).decode() != encoded:
        raise InputError("a public key's base64 is not as OpenSSH writes it", hint="copy the whole line again")
    return raw


def _strings(raw: bytes) -> list[bytes]:
    """Return the length-prefixed strings that make up `raw` (RFC 4251, section 5)."""
    found = []
    at = 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4], "big")
        if at + 4 + size > len(raw):
            raise InputError("a public key is cut short", hint="copy the whole line again")
        found.append(raw[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def _check_material(kind: str, raw: bytes) -> None:
    name, *parts = _strings(raw)
    if name != kind.encode():
        raise InputError(f"a public key says `{kind}`, but holds a key of another type")
    if kind.startswith("sk-"):
        application = parts.pop() if parts else b""
        if not application:
            raise InputError("a security key's public key must name its application")
    if kind == "ssh-rsa":
        sound = len(parts) == 2 and _sound_rsa(*parts)  # noqa: PLR2004 - exponent and modulus
    elif "ecdsa" in kind:
        curve = kind.removeprefix("sk-").removeprefix("ecdsa-sha2-").removesuffix("@openssh.com")
        sound = len(parts) == 2 and parts[0] == curve.encode() and _on_curve(curve, parts[1])  # noqa: PLR2004 - curve and point
    else:
        sound = len(parts) == 1 and _on_edwards_curve(parts[0])
    if not sound:
        raise InputError(f"a public key of type `{kind}` is damaged", hint="copy the whole line again")


def _sound_rsa(exponent: bytes, modulus: bytes) -> bool:
    e, n = int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big")
    for raw, number in ((exponent, e), (modulus, n)):
        # Both positive, in the shortest form.
        if raw != number.to_bytes(number.bit_length() // 8 + 1, "big"):
            return False
    if n.bit_length() < MIN_RSA_BITS:
        raise InputError(f"an RSA key of {n.bit_length()} bits is too weak", hint="make one with `ssh-keygen -t ed25519`")
    return n.bit_length() <= MAX_RSA_BITS and n % 2 == 1 and e % 2 == 1 and 3 <= e < n  # noqa: PLR2004 - the smallest exponent


def _on_curve(curve: str, point: bytes) -> bool:
    """Whether `point` (uncompressed, SEC 1) lies on `curve`, which OpenSSH asks of every ECDSA key."""
    p, b = _CURVES[curve]
    size = (p.bit_length() + 7) // 8
    if len(point) != 1 + 2 * size or point[0] != 4:  # noqa: PLR2004 - the mark of an uncompressed point
        return False
    x, y = int.from_bytes(point[1 : 1 + size], "big"), int.from_bytes(point[1 + size :], "big")
    return x < p and y < p and (y * y - (x * x * x - 3 * x + b)) % p == 0


def _on_edwards_curve(point: bytes) -> bool:
    """Whether the 32 bytes are a point of edwards25519 (RFC 8032, section 5.1.3); half of all typos are not."""
    if len(point) != 32:  # noqa: PLR2004 - bytes of a point
        return False
    p = _FIELD_25519
    y = int.from_bytes(point, "little") & ((1 << 255) - 1)
    d = -121665 * pow(121666, -1, p) % p
    square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
    return y < p and pow(square, (p - 1) // 2, p) in {0, 1}
