from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from provision.cli.app import run
from provision.run import payload
from tests.fake_agent import FakeMachine


@dataclass(frozen=True)
class Said:
    """What one command line came to."""

    code: int
    out: str
    err: str


Provision = Callable[..., Said]


class Typed(io.StringIO):
    """A terminal on which somebody has typed."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="session")
def _agent_made() -> None:
    """Make the agent's text once, with the user's own cache."""
    payload.agent()
    payload.stage1()


@pytest.fixture
def alone(_agent_made: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, where nothing of this user's is found, and no colours."""
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.chdir(home / "work")
    return home / "work"


@pytest.fixture
def provision(alone: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Provision:
    """Run one command line in this process; `typed` is what a person types on a terminal, which is not there otherwise."""

    def ran(*words: object, typed: str | None = None, piped: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", io.StringIO(piped) if typed is None else Typed(typed))
        code = run([str(word) for word in words])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Said(code, out, err)

    return ran


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let these machines be the ones that a command line can reach; the first one is this machine."""

    def reached(*machines: FakeMachine) -> None:
        named = {machine.name: machine for machine in machines}
        monkeypatch.setattr("provision.transports.local.Local", lambda: machines[0])
        monkeypatch.setattr("provision.run.ahead.machine", lambda host, _config: named[host])

    return reached
