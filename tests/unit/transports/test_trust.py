"""Adding a host key: fetched without logging in, shown, and recorded when a person says so."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from provision.errors import UnreachableError
from provision.transports import trust
from provision.transports.known_hosts import KnownHosts
from provision.transports.ssh import Ssh
from provision.transports.trust import fetch_key, record, state
from tests.unit.transports.server import Sshd, free_port, new_key


def test_a_key_is_fetched_recorded_and_known_from_then_on(sshd: Sshd) -> None:
    transport = Ssh("prometheus", ssh_config=sshd.config())
    offer = fetch_key(transport)
    assert (offer.name, offer.file) == (sshd.name, sshd.known_hosts)
    assert offer.shown.startswith("ssh-ed25519 SHA256:")
    assert state(offer) == "new"
    record(offer)
    assert sshd.known_hosts.read_text() == f"{sshd.name} {sshd.public}\n"
    assert state(fetch_key(transport)) == "known"
    assert not sshd.tried_to_log_in()
    transport.start("true").close()


def test_another_key_on_record_is_a_change(sshd: Sshd, tmp_path: Path) -> None:
    offer = fetch_key(Ssh("prometheus", ssh_config=sshd.config()))
    sshd.know(f"NAME {new_key(tmp_path / 'other')}")
    assert state(offer) == "changed"
    sshd.know("@revoked * KEY")
    with pytest.raises(UnreachableError, match="offers a revoked key"):
        state(offer)


def test_what_is_on_record_stays_to_the_byte(sshd: Sshd) -> None:
    offer = fetch_key(Ssh("prometheus", ssh_config=sshd.config()))
    for before in (b"", b"# mine\nother ssh-ed25519 AAAA\n", b"# no line end"):
        sshd.known_hosts.write_bytes(before)
        record(offer)
        after = sshd.known_hosts.read_bytes()
        assert after.startswith(before)
        assert after.endswith(f"\n{sshd.name} {sshd.public}\n".encode()[0 if before else 1 :])
        assert KnownHosts([sshd.known_hosts]).trusted.lookup(sshd.name) is not None


def test_a_missing_file_and_its_folder_are_made_private(sshd: Sshd, tmp_path: Path) -> None:
    config = sshd.config()
    config.write_text(config.read_text().replace(f"UserKnownHostsFile {sshd.known_hosts}\n", ""))
    offer = fetch_key(Ssh("prometheus", ssh_config=config))
    assert offer.file == tmp_path / ".ssh/known_hosts"
    record(offer)
    assert offer.file.stat().st_mode & 0o777 == 0o600
    assert offer.file.parent.stat().st_mode & 0o777 == 0o700


def test_nothing_listens(sshd: Sshd) -> None:
    config = sshd.config()
    config.write_text(config.read_text().replace(f"Port {sshd.port}", f"Port {free_port()}"))
    with pytest.raises(UnreachableError, match="does not answer with a host key") as caught:
        fetch_key(Ssh("prometheus", ssh_config=config))
    assert caught.value.hint == "is sshd running there?"


def test_something_else_listens(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "CONNECT_TIMEOUT", 5)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = sshd.config()
        config.write_text(config.read_text().replace(f"Port {sshd.port}", f"Port {listening.getsockname()[1]}"))

        def answer() -> None:
            connection, _ = listening.accept()
            connection.sendall(b"220 mail ready\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(UnreachableError, match="does not answer with a host key"):
            fetch_key(Ssh("prometheus", ssh_config=config))
