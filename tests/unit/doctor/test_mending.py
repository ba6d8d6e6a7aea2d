"""The doctor and the role say one thing: what the role refuses to touch is in the doctor's commands, in the role's words."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import pytest

from provision.catalog import obstacles
from provision.catalog.stack import stack_of
from provision.doctor import examine
from provision.doctor.case import APPLY, Case
from provision.doctor.mending import apply
from provision.errors import InputError, ProvisionError
from provision.facts.model import DriverPackage, Facts
from provision.profile.model import Profile
from tests.roles.machines import NAMES, compiled, machine

TODAY = dt.date(2026, 11, 22)


def refused(facts: Facts) -> tuple[str, ...]:
    """Return the commands that the role asks for before it does anything."""
    try:
        driver = stack_of(Profile(), facts).driver
    except ProvisionError:
        return ()
    return tuple(command for each in obstacles.in_the_way(facts, driver) for command in each.commands) if driver else ()


def blocked() -> list[str]:
    return [name for name in NAMES if machine(name).nvidia_gpus and refused(machine(name))]


def test_there_are_machines_on_which_the_role_refuses() -> None:
    assert {"ubuntu-22.04-broken-ppa", "ubuntu-22.04-broken-runfile-left-over"} <= set(blocked())


@pytest.mark.parametrize("name", blocked())
def test_what_the_role_asks_for_is_what_the_doctor_says(name: str) -> None:
    facts = machine(name)
    with pytest.raises(InputError) as caught:
        compiled(Profile(), facts, "nvidia")
    mends = "\n".join(finding.mend for finding in examine(facts, TODAY).findings)
    for command in refused(facts):
        assert f"`{command}`" in caught.value.hint
        assert command in mends


@pytest.mark.parametrize("name", NAMES)
def test_no_command_of_the_doctors_runs_into_the_role(name: str) -> None:
    facts = machine(name)
    for finding in examine(facts, TODAY).findings:
        if finding.mend.endswith(APPLY) and facts.nvidia_gpus:
            assert all(command in finding.mend for command in refused(facts)), finding


def test_a_driver_past_its_end_whose_origin_has_no_other_is_purged_first() -> None:
    facts = machine("debian-12-rtx-3090-debian-driver")
    (finding,) = examine(facts, TODAY).findings
    wanted = Profile.model_validate({"nvidia": {"origin": "nvidia"}})
    with pytest.raises(InputError) as caught:
        compiled(wanted, facts, "nvidia")
    command = re.findall(r"`(sudo [^`]*)`", caught.value.hint)[0]
    assert finding.mend == f"{command} && {APPLY}"
    assert not refused(facts), "by itself the role leaves it"


def test_holds_are_lifted_first() -> None:
    facts = machine("ubuntu-24.04-rtx-2070-super")
    held = DriverPackage(name="libnvidia-gl-595", version="595.84-0ubuntu0.24.04.1", origin="ubuntu", held=True)
    there = replace(facts, driver=replace(facts.driver, packages=(held,)))
    assert apply(Case(there, TODAY)) == f"sudo apt-mark unhold libnvidia-gl-595 && {APPLY}"
    assert apply(Case(facts, TODAY)) == APPLY


def test_where_nothing_fits_the_command_is_the_roles() -> None:
    assert apply(Case(machine("ubuntu-26.04-unknown-gpu"), TODAY)) == APPLY
