"""known_hosts files: read whole, whatever is in them; a revoked key is good nowhere."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.errors import UnreachableError
from provision.transports.known_hosts import KnownHosts, Refuse, fingerprint, user_file
from tests.public_keys import ED25519, P256, RSA

KEY = " ".join(ED25519.split()[:2])
OTHER = " ".join(P256.split()[:2])


def blob(line: str) -> bytes:
    return base64.b64decode(line.split()[1])


def read(tmp_path: Path, *lines: str) -> KnownHosts:
    path = tmp_path / "known_hosts"
    path.write_text("\n".join(lines))
    return KnownHosts([path])


def trusted(known: KnownHosts, name: str) -> set[bytes]:
    found = known.trusted.lookup(name)
    return {key.asbytes() for key in found.values()} if found is not None else set()


def test_names_ports_lists_and_hashes(tmp_path: Path) -> None:
    hashed = paramiko.HostKeys.hash_host("[10.0.0.9]:2222")
    known = read(
        tmp_path, f"lab,10.0.0.7 {KEY} comment", f"lab {OTHER}", f"{hashed} {KEY}", f"[lab]:2222 {' '.join(RSA.split()[:2])}"
    )
    assert trusted(known, "lab") == {blob(KEY), blob(OTHER)}
    assert trusted(known, "10.0.0.7") == {blob(KEY)}
    assert trusted(known, "[10.0.0.9]:2222") == {blob(KEY)}
    assert trusted(known, "[lab]:2222") == {blob(RSA)}
    assert trusted(known, "10.0.0.9") == trusted(known, "atlas") == set()


@pytest.mark.parametrize(
    "lines",
    [
        (f"@revoked * {KEY}", f"lab {KEY}"),
        (f"lab {KEY}", f"@revoked lab {KEY}"),
        (f"lab {KEY}", f"@revoked    atlas {KEY} comment"),
        (f"lab {KEY}", f"@revoked\tlab {KEY}"),
    ],
)
def test_a_revoked_key_is_trusted_for_no_name(tmp_path: Path, lines: tuple[str, ...]) -> None:
    known = read(tmp_path, *lines)
    assert trusted(known, "lab") == set()
    assert known.revoked(SimpleNamespace(asbytes=lambda: blob(KEY)))  # type: ignore[arg-type]  # all that is asked of a key
    assert not known.revoked(SimpleNamespace(asbytes=lambda: blob(OTHER)))  # type: ignore[arg-type]  # as above


def test_authorities_comments_and_garbage_are_left_out(tmp_path: Path) -> None:
    known = read(
        tmp_path, "# lab " + KEY, "", f"@cert-authority *.lab {KEY}", "lab", "lab ssh-ed25519", "lab ssh-ed25519 AAAA",
        "lab ssh-ed25519 !!!!", "lab ssh-new AAAAC3NzaC1lZDI1NTE5", "\x00\x00", f"atlas {KEY}",
    )  # fmt: skip
    assert trusted(known, "lab") == set()
    assert trusted(known, "atlas") == {blob(KEY)}


def test_files_that_are_not_there_or_not_files_are_empty(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(f"lab {KEY}\n")
    files = (tmp_path / "none", tmp_path, tmp_path / "file/below", tmp_path / "file")
    assert trusted(KnownHosts(files), "lab") == {blob(KEY)}


MARKS = ("@revoked", "@cert-authority", "@", "#", "lab", "[lab]:22", "*", "!lab", "|1|", "|1|x|y", "|1|AAAA|AAAA", "=", "AAAA")
KINDS = ("ssh-ed25519", "ssh-rsa", "ssh-dss", "ecdsa-sha2-nistp256", "AAAAC3NzaC1lZDI1NTE5AAAAIA==", "AAAAB3NzaC1yc2EAAAADAQAB")
WORDS = st.one_of(
    st.sampled_from([*MARKS, *KINDS, KEY, OTHER, KEY[:-4]]),
    st.text(max_size=6),
    st.binary(max_size=40).map(lambda data: base64.b64encode(data).decode()),
    st.binary(max_size=40).map(lambda data: base64.b64encode(b"\0\0\0\x0bssh-ed25519" + data).decode()),
    st.binary(max_size=40).map(lambda data: base64.b64encode(b"\0\0\0\x07ssh-rsa" + data).decode()),
    st.binary(max_size=40).map(lambda data: base64.b64encode(b"\0\0\0\x13ecdsa-sha2-nistp256" + data).decode()),
)  # fmt: skip
WORDED = st.tuples(st.lists(WORDS, max_size=5), st.sampled_from([" ", "  ", "\t"])).map(lambda made: made[1].join(made[0]))
NAMES = st.sampled_from(["|1|", "|1|x|y", "|1|AAAA|AAAA", "|", "|2|a|b", "*"]) | st.text()
LINES = st.lists(WORDED | st.tuples(NAMES, st.sampled_from([KEY, OTHER])).map(" ".join))


@given(lines=LINES)
def test_no_garbage_is_too_much(lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage"
    path.write_bytes("\n".join([*lines, f"last {KEY}"]).encode("utf-8", "surrogatepass"))
    known = KnownHosts([path])
    assert trusted(known, "last") == (set() if known._revoked & {blob(KEY)} else {blob(KEY)})


@given(data=st.binary())
def test_no_bytes_are_too_much(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(data)
    KnownHosts([path])


def a_key(tmp_path: Path) -> paramiko.PKey:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    return paramiko.Ed25519Key(filename=str(tmp_path / "key"))


def test_fingerprints_are_opensshs(tmp_path: Path) -> None:
    key = a_key(tmp_path)
    said = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], capture_output=True, text=True, check=True).stdout
    assert fingerprint(key) == said.split()[1]


def test_the_policy_refuses_and_says_why(tmp_path: Path) -> None:
    key = a_key(tmp_path)
    client = paramiko.SSHClient()
    with pytest.raises(UnreachableError, match=r"the host key of 10\.0\.0\.7 is not known") as caught:
        Refuse(read(tmp_path, ""), "lab").missing_host_key(client, "10.0.0.7", key)
    assert caught.value.hint == "`provision trust lab` shows the fingerprint and records the key"
    assert fingerprint(key) in caught.value.message
    revoked = read(tmp_path, f"@revoked * {key.get_name()} {key.get_base64()}")
    with pytest.raises(UnreachableError, match=r"10\.0\.0\.7 offers a revoked host key") as caught:
        Refuse(revoked, "lab").missing_host_key(client, "10.0.0.7", key)
    assert "do not connect" in caught.value.hint


def test_the_users_own_file_is_below_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_file() == tmp_path / ".ssh/known_hosts"
    assert os.fspath(user_file()).startswith(str(tmp_path))
