"""The driver that is installed: it stays where it does what is wanted, and an origin is never left unasked."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from provision.facts.model import Driver, DriverModule, DriverPackage, Facts
from provision.knowledge.resolve import resolve
from provision.knowledge.stack import Installed, NoSolutionError, Stack, Wish
from provision.knowledge.tables import knowledge
from provision.knowledge.wish import installed
from tests.roles.machines import machine
from tests.unit.knowledge.asked import NOBLE, TODAY, answer, driver
from tests.unit.knowledge.checker import violations

CARDS = ("GTX 1080 Ti", "RTX 2070 SUPER", "RTX 5090")
PASCAL, TURING, BLACKWELL = CARDS


def there(branch: int, origin: str, flavour: str = "open") -> Installed:
    return Installed(branch=branch, origin=origin, flavour=flavour, version="")


def rejected(stack: Stack) -> dict[str, str]:
    """Return why, by choice, joined ones apart."""
    return {each.choice: each.because for each in stack.rejected}


@pytest.mark.parametrize(
    ("card", "system", "have", "expected"),
    [
        (TURING, NOBLE, there(580, "ubuntu"), (580, "open", "ubuntu")),
        (TURING, NOBLE, there(580, "ubuntu", "proprietary"), (580, "proprietary", "ubuntu")),
        (TURING, NOBLE, there(615, "ubuntu"), (615, "open", "ubuntu")),
        (TURING, NOBLE, there(595, "nvidia"), (595, "open", "nvidia")),
        (TURING, NOBLE, there(590, "nvidia"), (590, "open", "nvidia")),
        (TURING, NOBLE, there(610, "nvidia"), (595, "open", "nvidia")),
        (TURING, NOBLE, there(535, "ubuntu"), (595, "open", "ubuntu")),
        (TURING, NOBLE, there(570, "ubuntu"), (595, "open", "ubuntu")),
        (TURING, NOBLE, there(580, "ppa"), (595, "open", "ubuntu")),
        (TURING, NOBLE, there(580, ""), (580, "open", "ubuntu")),
        ("RTX 3090", "debian-12", there(535, "debian", "proprietary"), (535, "proprietary", "debian")),
        (BLACKWELL, "debian-12", there(535, "debian"), (595, "open", "nvidia")),
        (BLACKWELL, NOBLE, there(580, "ubuntu", "proprietary"), (595, "open", "ubuntu")),
        (PASCAL, "debian-12", there(535, "debian"), (535, "proprietary", "debian")),
        (PASCAL, NOBLE, there(580, "ubuntu"), (580, "proprietary", "ubuntu")),
    ],
)
def test_what_stays_and_what_moves(card: str, system: str, have: Installed, expected: tuple[int, str, str]) -> None:
    assert driver(answer(card, system=system, installed=have)) == expected


def test_why_it_stays_and_how_to_move() -> None:
    stack = answer(TURING, installed=there(580, "ubuntu"))
    assert stack.reasons[0] == "580 is installed, supported until 2028-06-30 and does all that is wanted"
    assert rejected(stack)["driver 595"] == 'newer; `[nvidia] branch = "595"` moves to it'
    assert [kit.version for kit in stack.toolkits] == ["13.0"]


def test_a_toolkit_that_it_does_not_run_in_full_is_no_all() -> None:
    stack = answer(TURING, installed=there(580, "ubuntu"), toolkits=("13.2",))
    assert driver(stack)[0] == 580
    assert stack.reasons[0].endswith(" runs all that is wanted")
    assert any("13.2" in warning for warning in stack.warnings)


def test_what_cannot_do_what_is_wanted_moves() -> None:
    stack = answer("RTX 3090", system="debian-13", installed=there(550, "debian"), toolkits=("13.2",))
    assert driver(stack) == (595, "open", "nvidia")


def test_past_its_end_it_stays_with_its_origin_and_says_how_to_move() -> None:
    stack = answer("RTX 3090", system="debian-12", installed=there(535, "debian", "proprietary"))
    assert stack.reasons[0] == "535 is installed, and Debian has nothing for Debian 12 that is still supported"
    (warning,) = [each for each in stack.warnings if "535" in each]
    assert warning.startswith("support of driver branch 535 ended on 2026-06-30, and Debian has none")
    assert '`[nvidia] origin = "nvidia"` moves to NVIDIA\'s 595' in warning
    asked = answer("RTX 3090", system="debian-12", installed=there(535, "debian", "proprietary"), origin="debian")
    assert not any("origin" in each for each in asked.warnings)


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"branch": "595"}, (595, "open", "ubuntu")),
        ({"branch": "590"}, (595, "open", "ubuntu")),
        ({"origin": "nvidia"}, (595, "open", "nvidia")),
        ({"flavour": "proprietary"}, (595, "proprietary", "ubuntu")),
    ],
)
def test_what_is_asked_for_by_name_is_what_comes(wish: dict[str, Any], expected: tuple[int, str, str]) -> None:
    assert driver(answer(TURING, installed=there(580, "ubuntu"), **wish)) == expected


def test_without_a_machine_nothing_is_kept() -> None:
    for card in CARDS:
        assert answer(card) == answer(card, installed=None)


def test_each_driver_that_is_offered_stays_where_it_does_what_is_wanted() -> None:
    """By the tables alone: the checker knows what must be kept."""
    kept = 0
    for system, card in product(knowledge().systems, (*CARDS, "RTX 3090")):
        for offer in knowledge().drivers:
            for flavour in offer.flavours if offer.system == system.id and not offer.becomes else ():
                have = there(offer.branch, offer.origin, flavour)
                wish = Wish(system=system.id, gpus=(_id(card),), today=TODAY, installed=have)
                try:
                    stack = resolve(wish)
                except NoSolutionError:
                    continue
                assert violations(wish, stack) == []
                kept += driver(stack) == (have.branch, have.flavour, have.origin)
    assert kept > 100


def _id(card: str) -> str:
    return answer(card).gpus[0].pci


# What is installed, by its packages


def facts_with(packages: dict[str, tuple[str, str]], *modules: DriverModule) -> Facts:
    found = tuple(DriverPackage(name=name, version=version, origin=origin) for name, (version, origin) in packages.items())
    return replace(machine("ubuntu-24.04-rtx-2070-super"), driver=Driver(packages=found, modules=modules))


UBUNTU = ("580.173.02-0ubuntu0.24.04.1", "ubuntu")
THEIRS = ("595.91.07-1ubuntu1", "nvidia")


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ({}, None),
        ({"libnvidia-compute-580": UBUNTU}, None),
        ({"nvidia-settings": THEIRS, "nvidia-driver-580-open": UBUNTU}, (580, "ubuntu", "open")),
        ({"nvidia-driver-570-open": UBUNTU, "libnvidia-gl-580": UBUNTU}, (580, "ubuntu", "open")),
        ({"nvidia-driver-580": ("580.159.03-0ubuntu0.24.04.1", "")}, (580, "", "proprietary")),
        ({"nvidia-driver-580-open": UBUNTU, "libnvidia-gl-595": THEIRS}, None),
        ({"nvidia-driver-580-open": UBUNTU, "nvidia-dkms-535": ("535.309.01-0ubuntu1", "ubuntu")}, None),
        ({"nvidia-dkms-open": THEIRS, "libnvidia-compute": THEIRS}, (595, "nvidia", "open")),
        ({"cuda-drivers": THEIRS, "nvidia-dkms": THEIRS}, (595, "nvidia", "proprietary")),
        (
            {
                "nvidia-headless-no-dkms-580-open": UBUNTU,
                "linux-modules-nvidia-580-open-generic": ("6.8.0-90.90", "ubuntu"),
                "linux-modules-nvidia-535-6.8.0-45-generic": ("6.8.0-45.45", "ubuntu"),
            },
            (580, "ubuntu", "open"),
        ),
        (
            {"linux-modules-nvidia-580-generic": ("6.8.0-90.90", "ubuntu"), "nvidia-utils-580": UBUNTU},
            (580, "ubuntu", "proprietary"),
        ),
    ],
)
def test_which_driver_packages_are(packages: dict[str, tuple[str, str]], expected: tuple[int, str, str] | None) -> None:
    found = installed(facts_with(packages))
    assert (found and (found.branch, found.origin, found.flavour)) == expected


def test_packages_of_both_flavours_leave_it_to_the_module_that_loads_next() -> None:
    both = {"nvidia-driver-580": UBUNTU, "nvidia-driver-580-open": UBUNTU}
    kernel = machine("ubuntu-24.04-rtx-2070-super").kernel.next
    module = DriverModule(kernel=kernel, name="nvidia", path="/lib/modules/nvidia.ko", flavour="open")
    one, other = installed(facts_with(both, module)), installed(facts_with(both))
    assert one is not None
    assert other is not None
    assert (one.flavour, other.flavour) == ("open", "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ubuntu-24.04-two-h100-busy", (580, "ubuntu", "open")),
        ("ubuntu-24.04-h100-nvidia-repository", (595, "nvidia", "open")),
        ("debian-12-rtx-3090-debian-driver", (535, "debian", "proprietary")),
        ("debian-13-broken-headers-missing", (595, "nvidia", "open")),
        ("ubuntu-24.04-rtx-2070-super", None),
        ("ubuntu-22.04-broken-runfile-left-over", None),
        ("ubuntu-24.04-broken-two-origins", None),
    ],
)
def test_on_recorded_machines(name: str, expected: tuple[int, str, str] | None) -> None:
    found = installed(machine(name))
    assert (found and (found.branch, found.origin, found.flavour)) == expected


def test_the_day_it_ends_it_moves() -> None:
    have = there(580, "ubuntu")
    wish = Wish(system=NOBLE, gpus=(_id(TURING),), today=dt.date(2028, 6, 30), installed=have)
    stack = resolve(wish)
    assert driver(stack) == (580, "open", "ubuntu")
    later = resolve(replace(wish, today=dt.date(2028, 7, 1)))
    assert driver(later)[0] != 580
