"""Fingerprints are read from untrusted text: right for real keys, an error for all else."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent.openpgp import dearmour, fingerprint
from provision.errors import ProvisionError
from tests.keys import ARCHIVE, ARCHIVE_FINGERPRINT


def armour(data: bytes, *headers: str) -> str:
    text = base64.b64encode(data).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    begin, end = (f"-----{word} PGP PUBLIC KEY BLOCK-----" for word in ("BEGIN", "END"))
    return "\n".join([begin, *headers, "", *lines, end, ""])


def packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 255]) + len(body).to_bytes(4, "big") + body


def test_a_recorded_key() -> None:
    assert fingerprint(ARCHIVE) == ARCHIVE_FINGERPRINT


@pytest.mark.parametrize(
    "text",
    [
        ARCHIVE.replace("\n", "\r\n"),
        ARCHIVE.replace("=7FSl\n", ""),
        ARCHIVE.replace("-----\n\n", "-----\nVersion: GnuPG v2\nComment: a key\n\n", 1),
        f"some words before\n{ARCHIVE}and after\n",
    ],
)
def test_the_armours_variants(text: str) -> None:
    assert fingerprint(text) == ARCHIVE_FINGERPRINT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "one armoured block"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "no complete public key block"),
        (ARCHIVE + ARCHIVE, "one armoured block"),
        (ARCHIVE.replace("mDME", "m*ME"), "not base64"),
        (ARCHIVE.replace("PUBLIC KEY BLOCK", "MESSAGE"), "no complete public key block"),
        (armour(dearmour(ARCHIVE)[:40]), "cut short"),
        (armour(dearmour(ARCHIVE) * 2), "holds 2 OpenPGP keys"),
        (armour(packet(13, b"just a name")), "holds 0 OpenPGP keys"),
        (armour(packet(6, b"\x03" + b"x" * 20)), "version 3"),
        (armour(b"\x00" * 9), "no packet at byte 0"),
        (armour(b"\xc6\xe0" + b"x" * 9), "partial length"),
        (armour(b"\x9b" + b"x" * 9), "indeterminate"),
        (armour(b"\xc6"), "not an OpenPGP public key"),
    ],
)
def test_what_is_no_key_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ProvisionError, match=message):
        fingerprint(text)


def test_a_version_6_key_has_64_digits() -> None:
    body = b"\x06" + b"k" * 60
    assert fingerprint(armour(packet(6, body))) == hashlib.sha256(b"\x9b\x00\x00\x00\x3d" + body).hexdigest().upper()


@given(st.binary(min_size=1, max_size=400), st.sampled_from(["one", "two", "four", "old"]))
def test_every_form_of_length_gives_the_same_packet(rest: bytes, form: str) -> None:
    body = b"\x04" + rest
    size = len(body)
    if form == "old":
        head = b"\x99" + size.to_bytes(2, "big")
    elif form == "one" and size < 192:
        head = bytes([0xC6, size])
    elif form == "two" and size >= 192:
        head = bytes([0xC6, 192 + ((size - 192) >> 8), (size - 192) & 0xFF])
    else:
        head = bytes([0xC6, 255]) + size.to_bytes(4, "big")
    expected = hashlib.sha1(b"\x99" + size.to_bytes(2, "big") + body).hexdigest().upper()  # noqa: S324 - as OpenPGP v4 has it
    assert fingerprint(armour(head + body, "Comment: x")) == expected


@given(st.binary(max_size=300))
def test_armour_round_trip(data: bytes) -> None:
    assert dearmour(armour(data, "Version: any")) == data


@given(st.one_of(st.text(), st.binary(max_size=100).map(armour)))
def test_anything_is_a_fingerprint_or_our_error(text: str) -> None:
    with suppress(ProvisionError):
        assert len(fingerprint(text)) in {40, 64}


@given(st.integers(min_value=0, max_value=len(ARCHIVE) - 1), st.sampled_from("AZaz09+/"))
def test_one_changed_letter_of_the_key_is_noticed_or_outside_of_it(at: int, letter: str) -> None:
    changed = ARCHIVE[:at] + letter + ARCHIVE[at + 1 :]
    try:
        same = fingerprint(changed) == ARCHIVE_FINGERPRINT
    except ProvisionError:
        return
    # The key packet is the first 53 bytes; the name and the signature that follow are gpg's to check.
    assert not same or dearmour(changed)[:53] == dearmour(ARCHIVE)[:53]


@pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not installed")
@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["ed25519", "rsa2048"])
def test_gpg_agrees(algorithm: str, tmp_path: Path) -> None:
    home = Path("/tmp") / f"provision-gpg-{os.getpid()}-{algorithm}"  # noqa: S108 - gpg's socket needs a short path
    home.mkdir(mode=0o700)
    environment = {**os.environ, "GNUPGHOME": str(home)}

    def gpg(*words: str) -> str:
        argv = ["gpg", "--batch", "--quiet", "--passphrase", "", *words]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=True).stdout

    try:
        gpg("--quick-gen-key", "x@archive.test", algorithm, "sign", "never")
        listed = next(line for line in gpg("--with-colons", "--list-keys").split("\n") if line.startswith("fpr"))
        assert fingerprint(gpg("--armor", "--export")) == listed.split(":")[9]
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False)
        shutil.rmtree(home)
