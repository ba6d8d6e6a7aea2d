"""A real sshd: who is trusted is talked to, and whoever is not hears nothing from us."""

from __future__ import annotations

import socket
from pathlib import Path

import paramiko
import pytest

from provision.errors import Exit, InputError, UnreachableError
from provision.transports import ssh
from provision.transports.ssh import Ssh
from tests.unit.transports.server import Sshd, free_port, new_key


def machine(sshd: Sshd, *more: str) -> Ssh:
    return Ssh("prometheus", ssh_config=sshd.config(*more))


def refused(sshd: Sshd, *more: str) -> UnreachableError:
    with pytest.raises(UnreachableError) as caught:
        machine(sshd, *more).start("true")
    assert caught.value.exit is Exit.UNREACHABLE
    return caught.value


def said(transport: Ssh, command: str, typed: bytes = b"") -> tuple[bytes, str]:
    stream = transport.start(command)
    if typed:
        stream.write(typed)
    out = b""
    while data := stream.read(1 << 16):
        out += data
    errors = stream.epilogue()
    stream.close()
    return out, errors


def test_a_trusted_host_runs_a_command_and_carries_bytes_both_ways(sshd: Sshd) -> None:
    sshd.know("NAME KEY")
    out, errors = said(machine(sshd), "head -c 300000 | tr a b; echo oops >&2", b"a" * 300_000)
    assert out == b"b" * 300_000
    assert errors.endswith("oops\n")  # after what sshd says about itself, as it was told to


def test_a_login_may_begin_ahead(sshd: Sshd) -> None:
    sshd.know("NAME KEY")
    transport = machine(sshd)
    transport.begin()
    assert said(transport, "echo first")[0] == b"first\n"
    assert said(transport, "echo second")[0] == b"second\n"


def test_hashed_names_are_known_names(sshd: Sshd) -> None:
    sshd.know(f"{paramiko.HostKeys.hash_host(sshd.name)} KEY")
    assert said(machine(sshd), "echo in")[0] == b"in\n"


def test_an_unknown_host_hears_nothing(sshd: Sshd) -> None:
    error = refused(sshd)
    assert "is not known (it offers ssh-ed25519 SHA256:" in error.message
    assert "`provision trust prometheus`" in error.hint
    assert not sshd.tried_to_log_in()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_a_host_whose_key_changed_hears_nothing(sshd: Sshd, tmp_path: Path, kind: str) -> None:
    sshd.know(f"NAME {new_key(tmp_path / 'other', kind)}")
    error = refused(sshd)
    assert "CHANGED" in error.message or "is not known" in error.message
    assert "provision trust prometheus" in error.hint
    assert not sshd.tried_to_log_in()


@pytest.mark.parametrize("lines", [("@revoked * KEY",), ("@revoked NAME KEY", "NAME KEY"), ("NAME KEY", "@revoked other KEY")])
def test_a_host_with_a_revoked_key_hears_nothing(sshd: Sshd, lines: tuple[str, ...]) -> None:
    sshd.know(*lines)
    error = refused(sshd)
    assert "revoked host key" in error.message
    assert "trust" not in error.hint
    assert not sshd.tried_to_log_in()


def test_a_key_for_another_name_or_port_counts_for_nothing(sshd: Sshd) -> None:
    sshd.know("127.0.0.1 KEY", f"[127.0.0.1]:{sshd.port + 1} KEY", "prometheus KEY")
    assert "is not known" in refused(sshd).message
    assert not sshd.tried_to_log_in()


def test_a_host_that_does_not_want_our_key(sshd: Sshd, tmp_path: Path) -> None:
    sshd.know("NAME KEY")
    new_key(tmp_path / "stranger")
    config = sshd.config()
    config.write_text(config.read_text().replace(str(sshd.folder / "mine"), str(tmp_path / "stranger")))
    with pytest.raises(UnreachableError, match=r"does not let .* in with any of our keys") as caught:
        Ssh("prometheus", ssh_config=config).start("true")
    assert "ssh-copy-id" in caught.value.hint
    assert sshd.tried_to_log_in()


def test_through_a_jump_host_every_key_is_looked_at(sshd: Sshd) -> None:
    config = sshd.config(
        "ProxyJump jump", "Host jump", "HostName 127.0.0.1", f"Port {sshd.port}", "IdentitiesOnly yes",
        f"UserKnownHostsFile {sshd.folder / 'jump_hosts'}", f"IdentityFile {sshd.folder / 'mine'}",
    )  # fmt: skip
    sshd.know("NAME KEY")
    jumps = sshd.folder / "jump_hosts"
    jumps.write_text("")
    with pytest.raises(UnreachableError, match="is not known") as caught:
        Ssh("prometheus", ssh_config=config).start("true")
    assert "`provision trust jump`" in caught.value.hint
    assert not sshd.tried_to_log_in()
    jumps.write_text(sshd.known_hosts.read_text())
    assert said(Ssh("prometheus", ssh_config=config), "echo in")[0] == b"in\n"


def test_nothing_listens(sshd: Sshd) -> None:
    config = sshd.config()
    config.write_text(config.read_text().replace(f"Port {sshd.port}", f"Port {free_port()}"))
    with pytest.raises(UnreachableError, match="prometheus"):
        Ssh("prometheus", ssh_config=config).start("true")


def test_something_else_listens(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = sshd.config()
        config.write_text(config.read_text().replace(f"Port {sshd.port}", f"Port {listening.getsockname()[1]}"))
        transport = Ssh("prometheus", ssh_config=config)
        transport.begin()
        connection, _ = listening.accept()
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.close()
        with pytest.raises(UnreachableError):
            transport.start("true")


@pytest.mark.parametrize("name", ["", "-oProxyCommand=id", "a b", "a\nb", "a\u202eb"])
def test_what_is_no_host_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="not a host"):
        Ssh(name)


def test_an_ssh_config_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such ssh_config"):
        Ssh("prometheus", ssh_config=tmp_path / "none").start("true")
    with pytest.raises(InputError, match="no such ssh_config"):
        Ssh("prometheus", ssh_config=tmp_path / "none").connection()


@pytest.mark.parametrize("port", ["x", ""])
def test_what_is_no_port_is_refused(port: str) -> None:
    with pytest.raises(InputError):
        Ssh(f"prometheus:{port}").start("true")


class Link:
    """What an error is told about."""

    host, port, user = "10.0.0.7", 22, "me"

    @property
    def transport(self) -> paramiko.Transport:
        raise AssertionError

    def open(self) -> None: ...

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("error", "says", "hint"),
    [
        (paramiko.AuthenticationException("no"), "lab does not let `me` in with any of our keys", "ssh-copy-id me@10.0.0.7"),
        (paramiko.SSHException("No authentication methods available"), "lab does not let `me` in", "ssh-copy-id"),
        (socket.gaierror(-2, "Name or service not known"), "the name 10.0.0.7 cannot be resolved", "ssh_config"),
        (TimeoutError(), "lab (10.0.0.7 port 22) does not answer", "awake"),
        (ConnectionRefusedError(111, "Connection refused"), "lab (10.0.0.7 port 22): [Errno 111] Connection refused", ""),
        (EOFError(), "lab (10.0.0.7 port 22): EOFError", ""),
    ],
)
def test_causes_are_told_in_words(error: Exception, says: str, hint: str) -> None:
    told = ssh._why("lab", Link(), error)
    assert told.message.startswith(says)
    assert hint in told.hint


def test_a_changed_key_is_told_with_both_fingerprints(tmp_path: Path) -> None:
    new_key(tmp_path / "a")
    new_key(tmp_path / "b")
    one, two = (paramiko.Ed25519Key(filename=str(tmp_path / name)) for name in "ab")
    told = ssh._why("lab", Link(), paramiko.BadHostKeyException("lab", one, two))
    assert told.message.count("SHA256:") == 2
    assert "ssh-keygen -R 10.0.0.7" in told.hint
