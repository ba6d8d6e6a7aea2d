"""The table of what the driver writes into the kernel's log: whole, sourced, and in the house's words."""

from __future__ import annotations

import re

import pytest

from provision.doctor import Severity
from provision.knowledge.log import Trouble, log
from provision.knowledge.tables import MARKS

ROWS: tuple[Trouble, ...] = (*log().xids, *log().messages, *log().throttles)
SOURCES = {source.source: source for source in log().sources}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name or row.meaning)
def test_a_row(row: Trouble) -> None:
    assert row.source in SOURCES
    assert row.mark in MARKS
    assert row.advice_mark in {*MARKS, ""}
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", row.date)
    assert row.meaning
    if row.severity:
        assert Severity(row.severity)
        assert row.name
        assert row.advice
        assert row.mend
    for text in (row.name, row.meaning, row.advice):
        assert not text.endswith(".")


def test_no_mark_is_better_than_its_source() -> None:
    order = list(MARKS)
    for row in ROWS:
        assert order.index(row.mark) >= order.index(SOURCES[row.source].mark), row.name


def test_the_common_xids_are_there_once() -> None:
    codes = [xid.code for xid in log().xids]
    assert sorted(set(codes)) == codes
    assert {13, 31, 43, 45, 48, 61, 62, 63, 64, 74, 79, 92, 94, 95, 109, 119, 120} <= set(codes)
    assert log().xid(79) is not None
    assert log().xid(9999) is None


@pytest.mark.parametrize("words", ["HW Thermal Slowdown", "hw_thermal_slowdown", "clocks_event_reasons.hw_thermal_slowdown"])
def test_nvidia_smi_says_it_in_several_ways(words: str) -> None:
    row = log().throttle(words)
    assert row is not None
    assert row.reason == "hw thermal slowdown"


def test_the_general_reason_is_not_taken_for_a_special_one() -> None:
    row = log().throttle("HW Slowdown")
    assert row is not None
    assert row.follows
    assert log().throttle("Moon Phase") is None
