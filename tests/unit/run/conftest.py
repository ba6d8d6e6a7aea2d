from __future__ import annotations

from pathlib import Path

import pytest

from provision.run import payload


@pytest.fixture(scope="session")
def _agent_made() -> None:
    """Make the agent's text once, with the user's own cache."""
    payload.agent()
    payload.stage1()


@pytest.fixture
def alone(_agent_made: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, where nothing of this user's is found: no profile, no facts of machines seen before."""
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(home / "work")
    return home / "work"
