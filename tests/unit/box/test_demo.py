"""The demo's words; what it does is tested with a box."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provision.box import demo, state, support
from provision.box.demo import Result, Story, main
from provision.box.replay import Tally
from provision.errors import ProvisionError
from provision.profile.read import load_profile


def test_the_profile_is_valid() -> None:
    profile = load_profile(demo.PROFILE).profile
    assert profile.jupyter.user == profile.machine.user == demo.USER
    assert [environment.name for environment in profile.environment] == ["demo"]


def test_the_line_for_programs() -> None:
    result = Result(Tally(changed=14, planned=14), Tally(planned=0), Tally(passed=11, drift=0))
    assert json.loads(result.json()) == {
        "schema": 1,
        "changed": 14,
        "second_apply_changed": 0,
        "checks_passed": 11,
        "checks_failed": 0,
    }
    assert json.loads(Result(Tally(), Tally(planned=3), Tally()).json())["second_apply_changed"] == 3


def test_the_story_is_aligned() -> None:
    story = Story()
    for word, text in (("box", "booted"), ("apply again", "0 changed")):
        with story.chapter(word) as tell:
            tell(text)
    lines = story.table().splitlines()
    assert [re.sub(r"\d", "0", line) for line in lines] == [
        "box          booted        0.0 s",
        "apply again  0 changed     0.0 s",
        "total                      0.0 s",
    ]


@pytest.fixture
def unable(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A machine without boxes; returns the commands that were run."""
    ran: list[list[str]] = []

    def run(argv: list[str], **_: Any) -> None:  # noqa: ANN401 - subprocess.run's own
        ran.append(argv)
        profile = Path(argv[argv.index("--profile") + 1])
        ran.append(profile.read_text(encoding="utf-8").splitlines())

    monkeypatch.setattr(support, "why_not", lambda: "a box needs root: start it with `sudo`")
    monkeypatch.setattr(subprocess, "run", run)
    return ran


def test_without_a_box_the_plan_for_who_calls_is_shown(
    unable: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUDO_USER", "me")
    assert main([]) == 5
    assert capsys.readouterr().err.splitlines()[0] == "a box needs root: start it with `sudo`"
    argv, profile = unable
    assert argv[1:5] == ["-m", "provision", "plan", "--no-sudo"]
    assert argv[-1].endswith("demo.toml")
    assert profile.count('user = "me"') == 2


def test_root_has_no_environments_in_that_plan(unable: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "root")
    assert main([]) == 5
    argv, profile = unable
    assert argv[-2:] == ["base", "ssh"]
    assert not [line for line in profile if line.startswith("user")]


def test_removing_a_box_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(state, "STATES", tmp_path)
    for name in ("box-1", "../etc"):
        assert main(["--remove", name]) == 3
    assert "there is no box" in capsys.readouterr().err


def test_errors_are_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> str:
        raise ProvisionError("it broke", hint="mend it")

    monkeypatch.setattr(support, "why_not", fails)
    assert main([]) == 1
    assert "it broke" in capsys.readouterr().err

    def interrupts() -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(support, "why_not", interrupts)
    assert main([]) == 130
