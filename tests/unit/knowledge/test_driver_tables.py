"""Branches, offers and packages of drivers, and how they agree."""

from __future__ import annotations

from provision.knowledge import model
from provision.knowledge.model import number
from provision.knowledge.tables import knowledge

USES = ("desktop", "compute")


def test_architectures_name_known_branches() -> None:
    known = {branch.number for branch in knowledge().branches}
    for row in knowledge().architectures:
        assert {row.first_branch, row.last_branch} <= known | {0}, row
        assert set(row.flavours) <= {model.OPEN, model.PROPRIETARY}


def test_branches_name_their_own_builds() -> None:
    for branch in knowledge().branches:
        assert not branch.newest or number(branch.newest)[0] == branch.number
        assert branch.kind in {"LTSB", "PB", "NFB", "legacy", ""}
        assert branch.flavours


def test_offers_agree_with_branches_and_systems() -> None:
    branches = {branch.number: branch for branch in knowledge().branches}
    systems = {system.id: system for system in knowledge().systems}
    offers = {(row.origin, row.system, row.branch): row for row in knowledge().drivers}
    for offer in offers.values():
        branch = branches[offer.becomes or offer.branch]
        assert offer.branch in branches
        assert offer.origin in systems[offer.system].origins
        assert number(offer.version)[0] == branch.number, offer
        assert number(offer.version) <= number(branch.newest), offer
        assert set(offer.flavours) <= set(branch.flavours), offer
        if offer.becomes:
            stays = offers[offer.origin, offer.system, offer.becomes]
            assert stays.becomes == 0
            assert stays.version == offer.version
            assert offer.becomes > offer.branch


def test_each_offer_can_be_installed_for_each_use_in_one_way() -> None:
    for offer in (offer for offer in knowledge().drivers if not offer.becomes):
        for flavour in offer.flavours:
            for use in USES:
                ways = [
                    row
                    for row in knowledge().packages
                    if (row.origin, row.use, row.flavour) == (offer.origin, use, flavour)
                    and row.first_branch <= offer.branch <= (row.last_branch or offer.branch)
                    and (not row.systems or offer.system in row.systems)
                ]
                kernels = [kernel for row in ways for kernel in row.kernels]
                assert len(kernels) == len(set(kernels)), (offer, flavour, use)
                assert len([row for row in ways if not row.kernels]) == 1, (offer, flavour, use, ways)


def test_packages_have_names_and_modules_have_headers() -> None:
    systems = {system.id for system in knowledge().systems}
    for row in knowledge().packages:
        names = [name.format(branch=580, kernel="generic") for name in row.packages]
        assert all(name == name.lower() and " " not in name and "{" not in name for name in names)
        assert set(row.systems) <= systems
        assert row.use in USES
        assert row.signed == any(name.startswith("linux-modules-nvidia-") for name in names)
        assert row.signed != ("linux-headers-generic" in names)


def test_modules_that_come_built_are_for_kernels_that_are_named() -> None:
    for row in knowledge().packages:
        assert bool(row.kernels) == row.signed, row
    named = {kernel for row in knowledge().packages for kernel in row.kernels}
    assert {"generic", "generic-hwe-24.04", "lowlatency", "nvidia", "aws"} <= named
    assert not {"kvm", "oem", "realtime", "amd64"} & named


def test_only_ubuntu_signs() -> None:
    assert {row.origin for row in knowledge().packages if row.signed} == {"ubuntu"}
