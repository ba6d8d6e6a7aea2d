from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.transports import known_hosts
from tests.unit.transports import server
from tests.unit.transports.server import Sshd


@pytest.fixture(scope="module")
def _serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    if not os.access(server.PROGRAM, os.X_OK):
        pytest.skip(f"{server.PROGRAM} is not there")
    running, child = server.serve(tmp_path_factory.mktemp("sshd"))
    yield running
    child.terminate()
    child.wait(20)


@pytest.fixture
def sshd(_serving: Sshd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sshd:
    """A server that trusts our key, which nobody has on record yet; this machine's and this user's files count for nothing."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr(known_hosts, "SYSTEM", ())
    monkeypatch.setattr("provision.transports.route.SYSTEM", ())
    _serving.know()
    (_serving.folder / "log").write_text("")
    return _serving
