"""A diagnosis on a page: six machines, narrow and without Unicode too."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from provision.doctor import examine
from provision.facts.model import Facts
from provision.render.doctor import diagnosis_lines
from provision.render.line import paint, width_of
from provision.render.page import Page
from tests.unit.doctor.patients import (
    NO_DRIVER,
    OLDER,
    PACKAGES,
    SOUND,
    TODAY,
    both,
    bound,
    driver,
    machine,
    package,
    upcoming,
)

XID = "NVRM: Xid (PCI:0000:09:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
MACHINES = {
    "sound": SOUND,
    "fresh": NO_DRIVER(SOUND),
    "nouveau and next kernel": both(
        upcoming(), bound("nouveau"), driver(nouveau="nouveau", loaded="", sources=("ppa",), nouveau_blocked=False)
    )(SOUND),
    "mismatch": both(machine(desktop=True), driver(loaded=OLDER, users=("python3 (pid 4242, me)",)))(SOUND),
    "mixed": driver(packages=(*PACKAGES, package("nvidia-utils-595", "595.91.07-1ubuntu1", origin="nvidia")))(SOUND),
    "Xid 79, without root": both(machine(privileged=False), driver(log=(XID,), throttle=("SW Power Cap",)))(SOUND),
}
PAGES = {"wide": Page(width=100), "narrow": Page(width=44), "ascii": Page(width=80, unicode=False)}


def text(facts: Facts, page: Page) -> str:
    lines = diagnosis_lines(facts.hostname, facts, examine(facts, TODAY), page)
    assert all(width_of(line) <= page.width for line in lines)
    return "\n".join(paint(line, color=False) for line in lines)


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine(name: str, snapshot: SnapshotAssertion) -> None:
    assert text(MACHINES[name], PAGES["wide"]) == snapshot


@pytest.mark.parametrize("page", ["narrow", "ascii"])
def test_a_poor_terminal(page: str, snapshot: SnapshotAssertion) -> None:
    shown = text(MACHINES["nouveau and next kernel"], PAGES[page])
    assert shown == snapshot
    assert page != "ascii" or shown.isascii()


def test_the_whole_account() -> None:
    shown = text(MACHINES["mixed"], Page(width=100, verbose=True))
    assert "on the bus" in shown
    assert "persistence       the persistence daemon runs" in shown


def test_what_a_log_says_cannot_drive_the_terminal() -> None:
    facts = driver(log=("NVRM: Xid (PCI:0000:09:00): 79, \x1b[2J\x07 evil",))(SOUND)
    assert "\x1b" not in text(facts, Page(width=100))
