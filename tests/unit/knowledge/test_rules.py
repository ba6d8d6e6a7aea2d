"""Rules of the resolver that today's tables hardly exercise, on tables made for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provision.knowledge.frameworks import clash
from provision.knowledge.model import Build, Knowledge
from provision.knowledge.tables import knowledge
from tests.unit.knowledge.asked import NOBLE, answer, driver, refused, torch, with_driver


def with_builds(*builds: Build) -> Knowledge:
    """Return the tables with these builds of torch only."""
    tables = knowledge()
    return replace(tables, builds=(*(row for row in tables.builds if row.framework != "torch"), *builds))


def build(version: str = "3.0", name: str = "cu126", cuda: str = "12.6", **more: object) -> Build:
    """Return a build of torch like the last one with CUDA 12.6, but for what is said."""
    row = next(row for row in knowledge().builds if (row.framework, row.build) == ("torch", "cu126"))
    return replace(row, version=version, build=name, cuda=cuda, requirement=f"torch=={version}.*", **more)  # type: ignore[arg-type]  # the row's own fields


@pytest.mark.parametrize(("secure_boot", "branch"), [(True, 580), (None, 580), (False, 595)])
def test_signed_modules_first_where_secure_boot_may_be_on(*, secure_boot: bool | None, branch: int) -> None:
    tables = knowledge()
    here = [row for row in tables.packages if row.origin == "ubuntu" and row.signed]
    older = tuple(replace(row, last_branch=580) for row in here)
    built = tuple(replace(row, first_branch=595, last_branch=595, signed=False) for row in here)
    tables = replace(tables, packages=(*(row for row in tables.packages if row not in here), *older, *built))
    assert driver(answer("RTX 2070 SUPER", tables=tables, secure_boot=secure_boot)) == (branch, "open", "ubuntu")


def test_the_usual_origin_before_a_newer_branch_elsewhere() -> None:
    tables = with_driver(600, "600.10")
    lasting = replace(next(row for row in tables.branches if row.number == 595), number=600, newest="600.10", kind="LTSB")
    tables = replace(tables, branches=(*tables.branches, lasting))
    assert driver(answer("RTX 2070 SUPER", tables=tables, secure_boot=False)) == (595, "open", "ubuntu")
    assert driver(answer("RTX 2070 SUPER", tables=tables, secure_boot=False, origin="nvidia")) == (600, "open", "nvidia")


def test_a_card_that_is_newer_than_the_driver_at_hand() -> None:
    """§6.4: B300 from 580.82.07 on."""
    assert refused("B300", tables=with_driver(580, "580.65.06", only=True)).because
    assert driver(answer("B300", tables=with_driver(580, "580.82.07", only=True)))[0] == 580
    assert driver(answer("RTX 5090", tables=with_driver(580, "580.65.06", only=True)))[0] == 580


def test_a_build_whose_own_cudnn_has_dropped_the_card() -> None:
    older, newer = build("3.0", cudnn="9.10.2.21"), build("3.1", cudnn="9.11.0.98")
    assert torch(answer("GTX 1080 Ti", tables=with_builds(older, newer), frameworks=("torch",))) == ("3.0", "cu126")
    assert torch(answer("RTX 2070 SUPER", tables=with_builds(older, newer), frameworks=("torch",))) == ("3.1", "cu126")


def test_machine_code_before_what_the_driver_compiles() -> None:
    late = build(name="cu128", cuda="12.8", capabilities=("7.5",), ptx=("7.5",))
    there = build(name="cu126", cuda="12.6", capabilities=("7.5", "12.0"))
    stack = answer("RTX 5090", tables=with_builds(late, there), frameworks=("torch",))
    assert torch(stack) == ("3.0", "cu126")
    assert torch(answer("RTX 2070 SUPER", tables=with_builds(late, there), frameworks=("torch",))) == ("3.0", "cu128")
    newer = replace(late, version="3.1")
    assert torch(answer("RTX 5090", tables=with_builds(newer, there), frameworks=("torch",))) == ("3.1", "cu128")


@pytest.mark.parametrize(
    ("one", "two", "agree"),
    [
        ("9.10.2.21", "9.10.2.21", True),
        ("9.10.2.21", "9.1.0.70", False),
        ("9.1.0.70", ">=9.3.0.75,<10", False),
        ("9.10.2.21", ">=9.3.0.75,<10", True),
        ("==9.10.2.21", ">=9.3.0.75,<10", True),
        ("10.0.0.1", ">=9.3.0.75,<10", False),
        (">=9.1,<10", ">=9.3.0.75,<10", True),
        ("", "9.1.0.70", True),
    ],
)
def test_cudnn_of_two_builds(one: str, two: str, *, agree: bool) -> None:
    first, second = build(cudnn=one), build(cudnn=two)
    assert (clash(first, second) == "") is agree
    assert (clash(second, first) == "") is agree


def test_a_toolkit_below_its_floor() -> None:
    """§2.2."""
    tables = with_driver(470, "470.256.02", only=True)
    conflict = refused("RTX 2070 SUPER", tables=tables, toolkits=("12.8",))
    assert "CUDA 12.8 needs driver 525.60.13 or newer" in conflict.because
    assert answer("RTX 2070 SUPER", tables=tables, toolkits=()).toolkits == ()


def test_a_toolkit_that_no_compiler_of_the_system_fits() -> None:
    tables = knowledge()
    offer = next(row for row in tables.toolkit_offers if row.version == "11.8" and row.origin == "nvidia")
    offered = replace(tables, toolkit_offers=(*tables.toolkit_offers, replace(offer, system="ubuntu-26.04")))
    conflict = refused("RTX 2070 SUPER", tables=offered, system="ubuntu-26.04", toolkits=("11.8",))
    assert conflict.because[0] == "CUDA 11.8 accepts gcc up to 11"
    assert "gcc 13, 14 or 15" in conflict.because[1]
    stack = answer("RTX 2070 SUPER", tables=offered, system="ubuntu-26.04")
    assert (
        any("accepts gcc up to 11" in one.because for one in stack.rejected) is False
    )  # older than what was taken: not asked for


def test_a_toolkit_from_the_drivers_own_origin() -> None:
    tables = knowledge()
    offer = next(row for row in tables.toolkit_offers if row.version == "11.8" and row.origin == "nvidia")
    both = replace(tables, toolkit_offers=(replace(offer, system="debian-12"), *tables.toolkit_offers))
    for origin in ("debian", "nvidia"):
        stack = answer("RTX 2070 SUPER", tables=both, system="debian-12", origin=origin, toolkits=("11.8",))
        assert stack.toolkits[0].origin == origin
    other = replace(tables, toolkit_offers=(*tables.toolkit_offers, replace(offer, system="debian-12")))
    assert answer("RTX 2070 SUPER", tables=other, system="debian-12", origin="debian").toolkits[0].origin == "debian"


def test_systems_say_where_their_drivers_come_from() -> None:
    for system in knowledge().systems:
        assert system.origins, system.id
        assert {row.origin for row in knowledge().drivers if row.system == system.id} <= set(system.origins)


def test_ubuntu_knows_its_own_origin_first() -> None:
    assert next(row for row in knowledge().systems if row.id == NOBLE).origins[0] == "ubuntu"
