"""Which connections are begun before the command line has been parsed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from provision.run import ahead
from provision.transports import dial
from provision.transports.ssh import Ssh

CONFIG = Path("/etc/x")


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the machines whose login began."""
    names: list[str] = []
    monkeypatch.setattr(dial, "dial", lambda *_: None)
    monkeypatch.setattr(Ssh, "begin", lambda machine, _dialled: names.append(machine.name))
    monkeypatch.setattr(ahead, "_begun", {})
    return names


@pytest.mark.parametrize(
    ("line", "hosts"),
    [
        ("apply --host lab", ["lab"]),
        ("plan -H me@lab --host=other x", ["me@lab", "other"]),
        ("verify --host lab --host lab", ["lab"]),
        ("apply", []),
        ("apply base", []),
        ("trust --host lab", []),
        ("init --host lab", []),
        ("--version", []),
        ("apply --host lab --help", []),
        ("apply -- --host lab", []),
        ("apply --host", []),
        ("apply --host -oProxyCommand=x", []),
        ("", []),
    ],
)
def test_only_what_a_line_names_and_a_verb_reaches(line: str, hosts: Sequence[str], begun: list[str]) -> None:
    ahead.begin(line.split())
    assert begun == hosts


def test_a_login_that_began_is_taken_once(begun: list[str]) -> None:
    ahead.begin(["apply", "--host", "lab", "--ssh-config", str(CONFIG)])
    first = ahead.machine("lab", CONFIG)
    assert begun == ["lab"]
    assert ahead.machine("lab", CONFIG) is not first
    ahead.begin(["apply", "--host", "lab"])
    assert ahead.machine("lab", CONFIG) is not ahead.machine("lab", None)
