"""What all roles together say of recorded machines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from provision.catalog import notes
from provision.catalog.compile import compile_catalog
from provision.catalog.model import dump, load
from provision.errors import ProvisionError
from provision.facts.model import Facts
from provision.profile.lock import Lock
from provision.profile.model import Profile
from provision.resources import Packages, UvEnvironment
from tests.roles.machines import FIT, FULL, REFUSED, compiled, machine, selected

SHOWN = ("debian-13-nspawn-no-gpu", "ubuntu-22.04-laptop-rtx-3060-mobile", "ubuntu-24.04-rtx-2070-super")
DRIVERS = (
    "debian-12-gtx-1080-ti-bios",
    "debian-12-gtx-780",
    "debian-13-rtx-4090-secure-boot-unknown",
    "ubuntu-22.04-four-v100",
    "ubuntu-24.04-broken-two-origins",
    "ubuntu-24.04-h100-nvidia-repository",
    "ubuntu-26.04-two-rtx-5090",
)
"""Machines whose drivers differ: origin, branch, flavour, what is there already."""
PROFILES = {"default": Profile(), "full": FULL}


@pytest.fixture
def machine_json(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


def brief(facts: Facts, profile: Profile, *asked: str) -> dict[str, Any]:
    """Return the redacted catalog and its notes, with the scripts of the checks left out: they have tests of their own."""
    catalog = compiled(profile, facts, *asked)
    data = {**dump(catalog), "notes": notes.dump(catalog.notes)}
    for item in data["checks"]:
        item["check"]["probe"]["stdin"] = item["check"]["probe"]["stdin"].partition("\n")[0]
    return data


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", SHOWN)
def test_catalog(name: str, profile: str, machine_json: SnapshotAssertion) -> None:
    assert brief(machine(name), PROFILES[profile]) == machine_json


@pytest.mark.parametrize("name", DRIVERS)
def test_driver_and_toolkits(name: str, machine_json: SnapshotAssertion) -> None:
    data = brief(machine(name), Profile(), "nvidia", "cuda")
    data["entries"] = [entry for entry in data["entries"] if entry["role"] != "base"]
    data["checks"] = [item for item in data["checks"] if item["role"] != "base"]
    assert data == machine_json


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_person_has_to_clear_away_is_named(name: str) -> None:
    with pytest.raises(ProvisionError) as caught:
        compiled(Profile(), machine(name))
    assert REFUSED[name] in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", FIT)
def test_every_catalog_travels_and_comes_back(name: str, profile: str) -> None:
    catalog = compiled(PROFILES[profile], machine(name))
    assert load(json.loads(json.dumps(dump(catalog, redact=False)))) == catalog


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", FIT)
def test_every_claim_has_one_owner(name: str, profile: str) -> None:
    claims = [claim for entry in compiled(PROFILES[profile], machine(name)).entries for claim in entry.resource.claims]
    assert len(claims) == len(set(claims))


@pytest.mark.parametrize("name", FIT)
def test_compiling_twice_says_the_same(name: str) -> None:
    assert dump(compiled(FULL, machine(name))) == dump(compiled(FULL, machine(name)))


@pytest.mark.parametrize("name", FIT)
def test_packages_come_before_what_is_made_with_them(name: str) -> None:
    kinds = [entry.resource for entry in compiled(FULL, machine(name)).entries]
    needed = next(index for index, each in enumerate(kinds) if isinstance(each, Packages) and "python3-venv" in each.names)
    program = next(index for index, each in enumerate(kinds) if each.kind == "uv")
    environment = next(index for index, each in enumerate(kinds) if isinstance(each, UvEnvironment))
    assert needed < program < environment


def test_no_private_folder_or_registry_is_named() -> None:
    dumped = [dump(compiled(FULL, machine(name)), redact=False) for name in FIT]
    for word in ("/work", "pypi", "pythonhosted", "debian.org"):
        assert word not in json.dumps(dumped)
    assert "/tmp" not in json.dumps([each["entries"] for each in dumped])  # noqa: S108 - looked for, not used


def test_a_lock_reaches_its_environment() -> None:
    facts = machine(SHOWN[0])
    catalog = compile_catalog(FULL, facts, selected(FULL, facts), locks={"torch": Lock("numpy==2\n")})
    locks = {e.resource.name: e.resource.lock for e in catalog.entries if isinstance(e.resource, UvEnvironment)}
    assert locks == {"torch": "numpy==2\n", "old": "", "jupyter": ""}
