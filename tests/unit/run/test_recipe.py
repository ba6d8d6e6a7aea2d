"""The files of a request: read once, with every mistake on its line; the lock kept beside the profile."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from provision.errors import InputError
from provision.profile.lock import Lock
from provision.profile.locks import read_locks
from provision.run.elsewhere import plan_elsewhere
from provision.run.recipe import read_recipe
from provision.run.request import Request
from tests.roles.machines import FOLDER, machine
from tests.unit.run.recorder import Recorder

FACTS = machine("ubuntu-24.04-no-gpu")


def test_without_a_profile_the_defaults_are_compiled(alone: Path) -> None:
    recipe = read_recipe(Request())
    assert recipe.loaded.path is None
    catalog = recipe.compile(FACTS)
    assert catalog.entries
    assert {entry.role for entry in catalog.entries} <= {role.name for role in recipe.select(FACTS).roles}


def test_an_unknown_role_of_the_profile_is_named_by_its_line(alone: Path) -> None:
    profile = alone / "workstation.toml"
    profile.write_text('schema = 1\nroles = [\n  "base",\n  "sssh",\n]\n')
    with pytest.raises(InputError) as caught:
        read_recipe(Request()).select(FACTS)
    assert caught.value.message == "workstation.toml:4: roles[1]: unknown role `sssh`"
    assert caught.value.hint == "did you mean `ssh`?"


def test_an_unknown_role_of_the_command_line_is_not_the_profiles_mistake(alone: Path) -> None:
    (alone / "workstation.toml").write_text('roles = ["sssh"]\n')
    with pytest.raises(InputError) as caught:
        read_recipe(Request(roles=("bases",))).select(FACTS)
    assert caught.value.message == "unknown role `bases`"
    assert [role.name for role in read_recipe(Request(roles=("base",))).select(FACTS).roles] == ["base"]


def test_locks_of_several_hosts_are_all_kept(alone: Path) -> None:
    (alone / "workstation.toml").write_text("schema = 1\n")
    recipe = read_recipe(Request())
    texts = {name: Lock(f"# {name}\nnumpy==2.0 --hash=sha256:{'0' * 64}\n") for name in "abcdef"}
    threads = [threading.Thread(target=recipe.keep_locks, args=({name: text},)) for name, text in texts.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recipe.lock_path.parent == alone or recipe.lock_path == Path("workstation.lock")
    assert set(read_locks(recipe.lock_path)) == set(texts)
    assert set(read_recipe(Request()).locks) == set(texts)


def test_roles_of_ones_own(alone: Path) -> None:
    folder = alone / "mine"
    folder.mkdir()
    (folder / "extra.py").write_text(
        '"""Something of mine."""\nfrom provision.catalog.role import role\nfrom provision.resources import Directory\n\n\n'
        '@role()\ndef extra(profile, facts):\n    yield Directory(path="/srv/extra")\n'
    )
    recipe = read_recipe(Request(roles=("extra",), role_paths=(folder,)))
    assert [entry.resource.key for entry in recipe.compile(FACTS).entries] == ["directory:/srv/extra"]


def test_a_plan_for_a_machine_that_is_elsewhere_says_that_nothing_was_observed(alone: Path) -> None:
    ui = Recorder()
    plan_elsewhere(FOLDER / "ubuntu-24.04-no-gpu.json", Request(roles=("base",)), ui)
    (plan,) = ui.of("plan", FACTS.hostname)
    assert plan.entries == plan.pending
    assert {entry.diff.why for entry in plan.entries} == {"not observed: the machine is elsewhere"}


def test_a_plan_from_a_file_shows_what_roles_say(alone: Path) -> None:
    (alone / "mine").mkdir()
    (alone / "mine/extra.py").write_text(
        '"""X."""\nfrom provision.catalog.role import Note, role\nfrom provision.resources import Directory\n\n\n'
        '@role()\ndef extra(profile, facts):\n    yield Note(summary="two things")\n    yield Directory(path="/srv/extra")\n'
    )
    ui = Recorder()
    plan_elsewhere(FOLDER / "ubuntu-24.04-no-gpu.json", Request(roles=("extra",), role_paths=(alone / "mine",)), ui)
    ((note,),) = ui.of("notes")
    assert (note.role, note.note.summary, note.stops) == ("extra", "two things", "")
