"""What all roles together say of recorded machines."""

from __future__ import annotations

import json

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from provision.catalog.compile import compile_catalog
from provision.catalog.model import dump, load
from provision.facts.model import Facts
from provision.profile.model import Profile
from provision.resources import Packages, UvEnvironment
from tests.roles.machines import FULL, NAMES, compiled, machine, selected

SHOWN = ("debian-13-nspawn-no-gpu", "ubuntu-22.04-laptop-rtx-3060-mobile", "ubuntu-24.04-rtx-2070-super")
PROFILES = {"default": Profile(), "full": FULL}


@pytest.fixture
def machine_json(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


def brief(facts: Facts, profile: Profile) -> dict[str, object]:
    """Return the redacted catalog, with the scripts of the checks left out: they have tests of their own."""
    data = dump(compiled(profile, facts))
    for item in data["checks"]:
        item["check"]["probe"]["stdin"] = item["check"]["probe"]["stdin"].partition("\n")[0]
    return data


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", SHOWN)
def test_catalog(name: str, profile: str, machine_json: SnapshotAssertion) -> None:
    assert brief(machine(name), PROFILES[profile]) == machine_json


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", NAMES)
def test_every_catalog_travels_and_comes_back(name: str, profile: str) -> None:
    catalog = compiled(PROFILES[profile], machine(name))
    assert load(json.loads(json.dumps(dump(catalog, redact=False)))) == catalog


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", NAMES)
def test_every_claim_has_one_owner(name: str, profile: str) -> None:
    claims = [claim for entry in compiled(PROFILES[profile], machine(name)).entries for claim in entry.resource.claims]
    assert len(claims) == len(set(claims))


@pytest.mark.parametrize("name", NAMES)
def test_compiling_twice_says_the_same(name: str) -> None:
    assert dump(compiled(FULL, machine(name))) == dump(compiled(FULL, machine(name)))


@pytest.mark.parametrize("name", NAMES)
def test_packages_come_before_what_is_made_with_them(name: str) -> None:
    kinds = [entry.resource for entry in compiled(FULL, machine(name)).entries]
    needed = next(index for index, each in enumerate(kinds) if isinstance(each, Packages) and "python3-venv" in each.names)
    program = next(index for index, each in enumerate(kinds) if each.kind == "uv")
    environment = next(index for index, each in enumerate(kinds) if isinstance(each, UvEnvironment))
    assert needed < program < environment


def test_no_private_folder_or_registry_is_named() -> None:
    text = json.dumps([dump(compiled(FULL, machine(name)), redact=False) for name in NAMES])
    for word in ("/work", "/tmp", "pypi", "pythonhosted", "debian.org"):  # noqa: S108 - looked for, not used
        assert word not in text


def test_a_lock_reaches_its_environment() -> None:
    facts = machine(SHOWN[0])
    catalog = compile_catalog(FULL, facts, selected(FULL, facts), locks={"torch": "numpy==2\n"})
    locks = {e.resource.name: e.resource.lock for e in catalog.entries if isinstance(e.resource, UvEnvironment)}
    assert locks == {"torch": "numpy==2\n", "old": "", "jupyter": ""}
