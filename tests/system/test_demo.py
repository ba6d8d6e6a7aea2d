"""The demo and the rehearsal, from the outside."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provision.box import state
from provision.box.demo import main
from provision.box.rehearse import rehearse
from provision.errors import Exit, InputError
from provision.run.request import Request

pytestmark = [pytest.mark.box, pytest.mark.slow, pytest.mark.usefixtures("_boxes")]


class Quiet:
    """A Ui that notes what is said and agrees to everything."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.changed = 0

    def confirm(self, _: Any) -> bool:  # noqa: ANN401 - plans
        return True

    def event(self, _host: str, event: dict[str, Any]) -> None:
        self.changed += event.get("changed", 0)

    def note(self, _host: str, text: str) -> None:
        self.notes.append(text)

    def connecting(self, *_: Any) -> None: ...  # noqa: ANN401 - not looked at

    facts = plan = verdicts = diagnosis = locks = failed = end = connecting


def test_a_kept_demo_can_be_entered_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--keep", "--json"]) == 0
    said = capsys.readouterr()
    result = json.loads(said.out.splitlines()[-1])
    assert result["changed"] > 5
    assert result["checks_passed"] > 5
    assert (result["second_apply_changed"], result["checks_failed"]) == (0, 0)

    enter = re.search(r"^  enter it +(.*)$", said.err, re.MULTILINE)
    remove = re.search(r"^  remove it +\./bootstrap demo --remove (\S+)$", said.err, re.MULTILINE)
    assert enter
    assert remove
    name = remove[1]
    try:
        shown = subprocess.run([*shlex.split(enter[1]), "hostname"], capture_output=True, text=True, check=True)
        assert shown.stdout.strip() == name
        token = subprocess.run(
            [*shlex.split(enter[1]), "sudo", "cat", "/etc/provision/jupyter/demo.token"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert len(token.stdout.strip()) > 20
        assert token.stdout.strip() not in said.out + said.err
        assert name not in state.sweep()
    finally:
        assert main(["--remove", name]) == 0
    assert state.load(name) is None


def test_a_rehearsal_makes_the_profiles_user_and_writes_nothing_beside_it(tmp_path: Path) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text('roles = ["ssh"]\n[machine]\nuser = "me"\ntimezone = "Asia/Tokyo"\n')
    ui = Quiet()
    assert rehearse(Request(profile=profile), ui, keep=True) is Exit.DONE
    assert ui.changed > 0
    kept = re.search(r"`ssh -F (\S+) (\S+)`", ui.notes[-1])
    assert kept
    found = state.load(kept[2])
    assert found
    try:
        enter = ["ssh", "-F", kept[1], kept[2]]
        shown = subprocess.run([*enter, "id --user me; cat /etc/timezone"], capture_output=True, text=True, check=True)
        assert shown.stdout.split()[1] == "Asia/Tokyo"
    finally:
        state.remove(found)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


def test_a_profile_with_a_mistake_makes_no_box(tmp_path: Path) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text('rolls = ["ssh"]\n')
    before = state.states()
    with pytest.raises(InputError, match="rolls"):
        rehearse(Request(profile=profile), Quiet())
    assert state.states() == before
