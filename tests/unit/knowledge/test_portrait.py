"""What is said of one card."""

from __future__ import annotations

import datetime as dt

import pytest

from provision.knowledge.portrait import Portrait, portrait
from provision.knowledge.tables import gpu, knowledge

TODAY = dt.date(2026, 11, 22)


def of(pci: str, today: dt.date = TODAY) -> Portrait:
    card = gpu(pci)
    assert card is not None
    return portrait(card, knowledge(), today)


def test_a_turing_card() -> None:
    shown = of("10de:1e84")
    assert [row.version for row in shown.toolkits] == [row.version for row in knowledge().toolkits]
    first = {row.system.id: row for row in reversed(shown.drivers)}
    assert {system: row.branch for system, row in first.items()} == {row.id: 595 for row in knowledge().systems}
    assert first["ubuntu-24.04"].flavours == ("open", "proprietary")
    assert first["ubuntu-24.04"].signed
    assert not first["debian-13"].signed
    assert not any(row.late or row.constraint for row in shown.programs)


def test_a_pascal_card() -> None:
    shown = of("10de:1b06")
    assert {row.branch for row in shown.drivers} == {470, 535, 550, 580}
    assert {row.flavours for row in shown.drivers} == {("proprietary",)}
    assert shown.toolkits[-1].version == "12.9"
    found = {(row.build.framework, row.build.version, row.build.build): row.constraint for row in shown.programs}
    assert found["torch", "2.14", "cu126"] == ""
    assert found["jax", "0.12", "cuda12"] == "nvidia-cudnn-cu12==9.10.2.21"
    assert ("jax", "0.12", "cuda13") not in found


def test_nvidia_has_no_580_for_debian_13() -> None:
    rows = [row for row in of("10de:1b06").drivers if row.system.id == "debian-13"]
    assert [(row.origin, row.branch) for row in rows] == [("debian", 550), ("debian", 535)]
    assert all(row.ended for row in rows)


def test_a_blackwell_card_gets_tensorflow_by_ptx_only() -> None:
    shown = of("10de:2b85")
    late = {row.build.framework: row.late for row in shown.programs}
    assert late == {"torch": False, "tensorflow": True, "jax": False}
    assert {row.flavours for row in shown.drivers} == {("open",)}


def test_a_branch_ends_with_the_day() -> None:
    def ended(today: dt.date) -> set[str]:
        return {row.ended for row in of("10de:1b06", today).drivers if row.branch == 580}

    assert ended(dt.date(2028, 6, 30)) == {""}
    assert ended(dt.date(2028, 7, 1)) == {"2028-06-30"}


@pytest.mark.parametrize("pci", ["10de:06c0", "10de:3340", "10de:2c2c"])
def test_cards_that_nothing_is_built_for(pci: str) -> None:
    shown = of(pci)
    assert shown.toolkits == ()
    assert shown.programs == ()


def test_every_source_that_a_row_names_is_shown() -> None:
    shown = of("10de:1e84")
    named = {row.fact.source for row in shown.drivers} | {row.build.source for row in shown.programs}
    assert named | {shown.card.chip.source, shown.card.architecture.source} <= {row.source for row in shown.sources}
    assert len(shown.sources) == len(set(shown.sources))


def test_every_card_has_one() -> None:
    for card in knowledge().gpus[::37]:
        assert portrait(card, knowledge(), TODAY).card == card
