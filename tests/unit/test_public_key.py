"""Public keys: what is one, and what is refused without being quoted."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.errors import InputError
from provision.resources.public_key import TYPES, check_public_key
from tests.public_keys import ALL, ED25519, P256, P521, RSA, RSA_1024, line, strings

MODULUS = strings(RSA.split()[1])[2]
EXPONENT = b"\x01\x00\x01"
POINT = strings(P256.split()[1])[2]
POINT_521 = strings(P521.split()[1])[2]
# The same point, its x spelt as x + p: the field's 521 bits leave room in 66 bytes.
BEYOND = b"\x04" + (int.from_bytes(POINT_521[1:67], "big") + 2**521 - 1).to_bytes(66, "big") + POINT_521[67:]

REFUSED = {
    "private": ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----\n", "private key"),
    "private, one line": ("-----BEGIN RSA PRIVATE KEY----- MIIE", "private key"),
    "private, of PuTTY": ("PuTTY-User-Key-File-3: ssh-ed25519", "private key"),
    "RFC 4716": ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA", "another format"),
    "DSA": (line("ssh-dss", *[b"\x01" * 20] * 4), "DSA"),
    "RSA of 1024 bits": (RSA_1024, "1024 bits is too weak"),
    "RSA with an even modulus": (line("ssh-rsa", EXPONENT, MODULUS[:-1] + b"\x00"), "damaged"),
    "RSA with exponent 1": (line("ssh-rsa", b"\x01", MODULUS), "damaged"),
    "RSA of 32768 bits": (line("ssh-rsa", EXPONENT, b"\x00" + b"\xff" * 4096), "damaged"),
    "RSA, negative": (line("ssh-rsa", EXPONENT, b"\xff" * 257), "damaged"),
    "RSA, padded": (line("ssh-rsa", EXPONENT, b"\x00" + MODULUS), "damaged"),
    "RSA, a part more": (line("ssh-rsa", EXPONENT, MODULUS, b"x"), "damaged"),
    "off the curve": (line("ecdsa-sha2-nistp256", b"nistp256", POINT[:-1] + bytes([POINT[-1] ^ 1])), "damaged"),
    "compressed point": (line("ecdsa-sha2-nistp256", b"nistp256", b"\x02" + POINT[1:33]), "damaged"),
    "unknown point form": (line("ecdsa-sha2-nistp256", b"nistp256", b"\x05" + POINT[1:]), "damaged"),
    "x beyond the field": (line("ecdsa-sha2-nistp521", b"nistp521", BEYOND), "damaged"),
    "y beyond the field": (line("ssh-ed25519", (2**255 - 19 + 1).to_bytes(32, "little")), "damaged"),
    "spare bits set": (P256.replace("w= ", "x= "), "not as OpenSSH writes it"),
    "another curve": (line("ecdsa-sha2-nistp256", b"nistp384", POINT), "damaged"),
    "no curve": (line("ecdsa-sha2-nistp256", b"", POINT), "damaged"),
    "short ed25519": (line("ssh-ed25519", b"x" * 31), "damaged"),
    "off the edwards curve": (line("ssh-ed25519", b"\x02" + b"\x00" * 31), "damaged"),
    "security key without application": (line("sk-ssh-ed25519@openssh.com", strings(ED25519.split()[1])[1], b""), "application"),
    "another type inside": (ED25519.replace("ssh-ed25519 ", "ssh-rsa "), "another type"),
    "options": (f'command="id" {ED25519}', "without options"),
    "certificate": (line("ssh-ed25519-cert-v01@openssh.com", b"x"), "without options"),
    "two lines": (f"{ED25519}\n{RSA}", "one line"),
    "carriage return": (ED25519.replace(" me", "\rme"), "one line"),
    "bidi comment": (f"{ED25519}\u202e", "one line"),
    "empty": ("", "begin with its type"),
    "type only": ("ssh-ed25519", "not as OpenSSH writes it"),
    "no base64": ("ssh-ed25519 AAAA…", "must be base64"),
    "no padding": (P256.replace("= ", " "), "must be base64"),
    "nothing inside": (line("ssh-ed25519"), "damaged"),
}


@pytest.mark.parametrize("key", ALL)
def test_what_openssh_writes_is_taken(key: str) -> None:
    kind, encoded, comment = key.split()
    found = check_public_key(f"{key}\n")
    assert (found.type, found.base64, found.comment) == (kind, encoded, comment)
    assert check_public_key(f"{kind} {encoded}").material == found.material
    assert check_public_key(f"{kind} {encoded} a longer comment").comment == "a longer comment"


def test_there_is_a_sample_of_each_type() -> None:
    assert sorted(key.split()[0] for key in ALL) == sorted(TYPES)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_and_not_quoted(name: str) -> None:
    text, says = REFUSED[name]
    with pytest.raises(InputError, match=says) as caught:
        check_public_key(text)
    shown = caught.value.message + caught.value.hint
    assert not any(len(word) > 20 and word in shown for word in text.split() if word not in TYPES)


@given(key=st.sampled_from(ALL), data=st.data())
def test_a_truncated_or_longer_key_is_refused(key: str, data: st.DataObject) -> None:
    kind, encoded, _ = key.split()
    raw = base64.b64decode(encoded)
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]
    longer = raw + data.draw(st.binary(min_size=1, max_size=8))
    for changed in (cut, longer):
        with pytest.raises(InputError):
            check_public_key(f"{kind} {base64.b64encode(changed).decode()}")
    with pytest.raises(InputError):
        check_public_key(f"{kind} {encoded[: data.draw(st.integers(0, len(encoded) - 1))]}")


@given(key=st.sampled_from(ALL), data=st.data())
def test_one_key_has_one_spelling(key: str, data: st.DataObject) -> None:
    """A changed letter is refused, or makes another key; never the same one spelt otherwise."""
    kind, encoded, _ = key.split()
    at = data.draw(st.integers(0, len(f"{kind} {encoded}") - 1))
    text = f"{kind} {encoded}"[:at] + data.draw(st.characters()) + f"{kind} {encoded}"[at + 1 :]
    try:
        found = check_public_key(text)
    except InputError:
        return
    assert (found.material == (kind, encoded)) == (text.split(maxsplit=2)[:2] == [kind, encoded])
    assert base64.b64encode(base64.b64decode(found.base64)).decode() == found.base64


@given(key=st.sampled_from([P256, *ALL[3:5]]), data=st.data())
def test_any_wrong_letter_in_an_ecdsa_key_is_found(key: str, data: st.DataObject) -> None:
    kind, encoded, _ = key.split()
    at = data.draw(st.integers(0, len(encoded) - 1))
    letter = data.draw(
        st.sampled_from([c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=" if c != encoded[at]])
    )
    with pytest.raises(InputError):
        check_public_key(f"{kind} {encoded[:at]}{letter}{encoded[at + 1 :]}")


@given(st.text(max_size=200))
def test_anything_else_is_refused_cleanly(text: str) -> None:
    with pytest.raises(InputError):
        check_public_key(text)
