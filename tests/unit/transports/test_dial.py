"""Connections begun before paramiko: where they lead, and that who we are is said once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.later import Later
from provision.transports import direct
from provision.transports.dial import GREETING, connect, dial
from provision.transports.ssh import Ssh
from tests.unit.transports.server import Sshd

LINE = f"{GREETING}\r\n".encode()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(5)
        yield made


def config(folder: Path, *lines: str) -> Path:
    path = folder / "config"
    path.write_text("\n".join(("Host lab", "HostName 127.0.0.1", *lines)) + "\n")
    return path


def test_the_server_hears_who_we_are_at_once_and_only_once(listening: socket.socket, tmp_path: Path) -> None:
    port = listening.getsockname()[1]
    dialled = dial("lab", config(tmp_path, f"Port {port}"))
    assert dialled is not None
    with listening.accept()[0] as server:
        assert server.recv(100) == LINE
        link = dialled.taken("127.0.0.1", port)
        assert link is not None
        assert link.send(LINE) == len(LINE)
        assert link.send(b"next") == 4
        assert server.recv(100) == b"next"
        link.close()


def test_a_connection_that_leads_elsewhere_is_ended(listening: socket.socket, tmp_path: Path) -> None:
    port = listening.getsockname()[1]
    dialled = dial("lab", config(tmp_path, f"Port {port}"))
    assert dialled is not None
    with listening.accept()[0] as server:
        assert dialled.taken("127.0.0.1", port + 1) is None
        assert server.recv(100) == LINE
        assert server.recv(100) == b""


@pytest.mark.parametrize("line", ["ProxyJump other", "ProxyCommand false", "Port none", "Port 1"])
def test_what_others_are_in_between_of_or_nobody_answers_is_not_dialled(line: str, tmp_path: Path) -> None:
    assert dial("lab", config(tmp_path, line)) is None


def test_without_openssh_nothing_is_dialled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert dial("lab", config(tmp_path, "Port 1")) is None


def test_short_messages_are_not_held_back(listening: socket.socket) -> None:
    link = connect("127.0.0.1", listening.getsockname()[1])
    assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    link.close()


def test_a_login_goes_on_over_what_was_dialled(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    sshd.know("NAME KEY")
    config = sshd.config()
    machine = Ssh("prometheus", ssh_config=config)
    machine.begin(Later(lambda: dial("prometheus", config)))
    monkeypatch.setattr(direct, "connect", lambda *_: pytest.fail("another connection"))
    stream = machine.start("echo in")
    assert stream.read(100) == b"in\n"
    stream.close()
