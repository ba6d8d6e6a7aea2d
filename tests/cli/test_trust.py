"""`provision trust`: shown, asked, recorded."""

from __future__ import annotations

from pathlib import Path

import paramiko
import pytest

from provision.errors import Exit
from provision.transports import trust
from provision.transports.known_hosts import fingerprint
from tests.cli.conftest import Provision
from tests.unit.transports.server import new_key


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trust.Offer:
    new_key(tmp_path / "key")
    made = trust.Offer(
        name="10.0.0.7", key=paramiko.Ed25519Key(filename=str(tmp_path / "key")), file=tmp_path / "ssh/known_hosts"
    )
    monkeypatch.setattr(trust, "fetch_key", lambda _destination: made)
    return made


@pytest.mark.parametrize(("typed", "recorded"), [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False), ("", False)])
def test_a_person_decides(provision: Provision, offer: trust.Offer, typed: str, *, recorded: bool) -> None:
    said = provision("trust", "lab", typed=typed)
    assert said.code == (0 if recorded else Exit.INTERRUPTED)
    assert fingerprint(offer.key) in said.err
    assert "ssh-keygen -lf" in said.err
    assert offer.file.exists() == recorded
    if recorded:
        assert f"10.0.0.7 ssh-ed25519 {offer.key.get_base64()}\n" == offer.file.read_text()
        assert "is known already" in provision("trust", "lab").err


def test_without_a_terminal_only_yes_records(provision: Provision, offer: trust.Offer) -> None:
    said = provision("trust", "lab")
    assert said.code == Exit.BAD_INPUT
    assert "add `--yes`" in said.err
    assert not offer.file.exists()
    assert provision("trust", "lab", "--yes").code == 0
    assert offer.file.exists()


def test_a_changed_key_is_never_recorded(provision: Provision, offer: trust.Offer, tmp_path: Path) -> None:
    offer.file.parent.mkdir()
    offer.file.write_text(f"10.0.0.7 {new_key(tmp_path / 'other')}\n")
    before = offer.file.read_bytes()
    said = provision("trust", "lab", "--yes")
    assert said.code == Exit.BAD_INPUT
    words = " ".join(said.err.split())
    assert "another key is on record" in words
    assert "ssh-keygen -R '10.0.0.7'" in words
    assert offer.file.read_bytes() == before


def test_a_revoked_key_is_refused(provision: Provision, offer: trust.Offer) -> None:
    offer.file.parent.mkdir()
    offer.file.write_text(f"@revoked * ssh-ed25519 {offer.key.get_base64()}\n")
    said = provision("trust", "lab", "--yes")
    assert said.code == Exit.UNREACHABLE
    assert "revoked" in said.err
