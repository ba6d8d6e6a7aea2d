"""The table of GPUs, against the ranges of their ids."""

from __future__ import annotations

import pytest

from provision.knowledge.model import number
from provision.knowledge.tables import gpu, knowledge

# Runs of ids of one architecture, and the capability where the whole run has one: read off pci.ids, not off our table.
RANGES = [
    (0x06C0, 0x0F06, "Fermi", ""),
    (0x0FA0, 0x103F, "Kepler", ""),
    (0x1040, 0x1140, "Fermi", ""),
    (0x1180, 0x11FF, "Kepler", "3.0"),
    (0x1200, 0x1251, "Fermi", ""),
    (0x1280, 0x130B, "Kepler", "3.5"),
    (0x1340, 0x1436, "Maxwell", ""),
    (0x15C2, 0x15FF, "Pascal", "6.0"),
    (0x1613, 0x1676, "Maxwell", "5.2"),
    (0x1725, 0x172F, "Pascal", "6.0"),
    (0x174D, 0x17FD, "Maxwell", ""),
    (0x1B00, 0x1D56, "Pascal", "6.1"),
    (0x1D81, 0x1DF6, "Volta", "7.0"),
    (0x1E02, 0x1FF9, "Turing", "7.5"),
    (0x2080, 0x20FF, "Ampere", "8.0"),
    (0x2182, 0x21D1, "Turing", "7.5"),
    (0x2200, 0x223F, "Ampere", "8.6"),
    (0x2302, 0x23F0, "Hopper", "9.0"),
    (0x2414, 0x25FB, "Ampere", "8.6"),
    (0x2681, 0x28F8, "Ada", "8.9"),
    (0x2900, 0x29F1, "Blackwell", "10.0"),
    (0x2B00, 0x2B00, "Blackwell", "11.0"),
    (0x2B85, 0x2DF9, "Blackwell", "12.0"),
    (0x2E03, 0x2E2A, "Blackwell", "12.1"),
    (0x2F04, 0x2F58, "Blackwell", "12.0"),
    (0x3000, 0x30C0, "Rubin", "10.7"),
    (0x3180, 0x323E, "Blackwell", "10.3"),
    (0x3340, 0x3340, "Blackwell", ""),
]


def test_all_gpus_are_there() -> None:
    assert len(knowledge().gpus) == 961


def test_each_gpu_has_the_architecture_of_its_range_of_ids() -> None:
    for card in knowledge().gpus:
        device = int(card.pci[5:], 16)
        first = [row for row in RANGES if row[0] <= device <= row[1]]
        assert len(first) == 1, card
        _, _, architecture, capability = first[0]
        assert card.architecture.name == architecture, card
        assert card.capability in {capability or card.capability, ""}, card


@pytest.mark.parametrize(
    ("pci", "chip", "architecture", "capability", "flavours"),
    [
        ("10de:06c0", "GF100", "Fermi", "2.0", ("proprietary",)),
        ("10de:102d", "GK210", "Kepler", "3.7", ("proprietary",)),
        ("10de:1380", "GM107", "Maxwell", "5.0", ("proprietary",)),
        ("10de:1b06", "GP102", "Pascal", "6.1", ("proprietary",)),
        ("10de:1db4", "GV100", "Volta", "7.0", ("proprietary",)),
        ("10de:1e84", "TU104", "Turing", "7.5", ("open", "proprietary")),
        ("10de:2204", "GA102", "Ampere", "8.6", ("open", "proprietary")),
        ("10de:25a9", "GA107", "Ampere", "8.6", ("open", "proprietary")),  # an RTX 2050 by name
        ("10de:2684", "AD102", "Ada", "8.9", ("open", "proprietary")),
        ("10de:2330", "GH100", "Hopper", "9.0", ("open", "proprietary")),
        ("10de:2342", "GH100", "Hopper", "9.0", ("open",)),  # Grace Hopper
        ("10de:2901", "GB100", "Blackwell", "10.0", ("open",)),
        ("10de:2b85", "GB202", "Blackwell", "12.0", ("open",)),
        ("10de:2e12", "GB20B", "Blackwell", "12.1", ("open",)),
        ("10de:3182", "GB110", "Blackwell", "10.3", ("open",)),
    ],
)
def test_a_gpu_by_its_id(pci: str, chip: str, architecture: str, capability: str, flavours: tuple[str, ...]) -> None:
    card = gpu(pci)
    assert card is not None
    assert (card.pci, card.chip.code, card.architecture.name, card.capability) == (pci, chip, architecture, capability)
    assert card.flavours == flavours


def test_ids_of_any_case_and_of_others() -> None:
    assert gpu("10DE:1E84") == gpu("10de:1e84")
    assert gpu("10de:ffff") is None
    assert gpu("1002:1e84") is None
    assert gpu("nonsense") is None
    assert gpu("") is None


@pytest.mark.parametrize(
    ("pci", "first"), [("10de:2b85", "570.86.16"), ("10de:2d83", "575.64.03"), ("10de:3182", "580.82.07"), ("10de:1e84", "")]
)
def test_the_first_driver_of_a_card(pci: str, first: str) -> None:
    card = gpu(pci)
    assert card is not None
    assert card.first_driver == first


def test_first_drivers_are_of_branches_that_support_the_card() -> None:
    for card in knowledge().gpus:
        assert not card.first_driver or number(card.first_driver)[0] >= card.architecture.first_branch, card
