"""Plans travel as JSON, and their digest is of what was shown."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.plan.diff import LIMIT, unified
from provision.plan.model import Change, Diff, Plan, PlanEntry, Status, differs, dump, load, same

TEXT = st.text(max_size=5)
DIFFS = st.builds(
    Diff,
    status=st.sampled_from(Status),
    why=TEXT,
    changes=st.lists(st.builds(Change, field=TEXT, before=TEXT, after=TEXT), max_size=2).map(tuple),
    text=TEXT,
    download_bytes=st.none() | st.integers(0, 9),
    seconds=st.none() | st.floats(0, 9),
    reboots=st.integers(0, 2),
    lacks=TEXT,
)
PLANS = st.builds(
    Plan,
    entries=st.lists(st.builds(PlanEntry, key=TEXT, role=TEXT, kind=TEXT, title=TEXT, diff=DIFFS), max_size=3).map(tuple),
    free_bytes=st.none() | st.integers(0, 9),
)


@given(plan=PLANS)
def test_plans_come_back_from_json(plan: Plan) -> None:
    raw = json.loads(json.dumps(dump(plan)))
    assert load(raw) == plan
    assert raw["digest"] == plan.digest == load(raw).digest


def planned(*diffs: Diff) -> Plan:
    named = ((f"file:/{index}", diff) for index, diff in enumerate(diffs))
    return Plan(entries=tuple(PlanEntry(key=key, role="base", kind="file", title=key, diff=diff) for key, diff in named))


def test_pending_is_what_is_not_so() -> None:
    plan = planned(same("it is"), differs(), Diff(status=Status.OPAQUE), Diff(status=Status.KNOWN_AFTER_APPLY))
    assert [entry.key for entry in plan.pending] == ["file:/1", "file:/2", "file:/3"]
    assert [entry.diff.ok for entry in plan.entries] == [True, False, False, False]


MODE = Change(field="mode", before="644", after="600")


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        (differs(MODE), True),
        (differs(MODE, why="because", text="- a\n+ b", seconds=3.0), True),
        (differs(replace(MODE, after="640")), False),
        (differs(replace(MODE, field="owner")), False),
        (differs(MODE, MODE), False),
        (Diff(status=Status.OPAQUE, changes=(MODE,)), False),
        (same("it is"), False),
    ],
)
def test_the_digest_is_of_what_will_change(other: Diff, *, alike: bool) -> None:
    assert (planned(same("so"), differs(MODE)).digest == planned(same("otherwise so"), other).digest) == alike


def test_what_is_so_does_not_count() -> None:
    assert planned(differs(MODE)).digest == planned(differs(MODE), same("so")).digest


# Diffs for people


def test_a_new_file_comes_from_nowhere() -> None:
    assert unified(None, b"a\n", "/etc/x").splitlines()[:2] == ["--- /dev/null", "+++ /etc/x"]
    assert unified(b"", b"a\n", "/etc/x").splitlines()[:2] == ["--- /etc/x", "+++ /etc/x"]


def test_lines_that_differ_are_shown() -> None:
    assert unified(b"a\nb\n", b"a\nc\n", "/etc/x").splitlines()[-2:] == ["-b", "+c"]
    assert unified(b"a\n", b"a\n", "/etc/x") == ""


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (b"\xff", b"ab", "binary: 1 → 2 bytes"),
        (None, b"\xff", "binary: 0 → 1 bytes"),
        (b"x" * 1_000_000, b"y", "large: 1000000 → 1 bytes"),
    ],
)
def test_what_is_no_text_or_too_much_is_counted(before: bytes | None, after: bytes, says: str) -> None:
    assert unified(before, after, "/etc/x") == says


def test_long_diffs_are_cut() -> None:
    shown = unified(b"", "".join(f"{n}\n" for n in range(LIMIT + 100)).encode(), "/etc/x").splitlines()
    assert len(shown) == LIMIT + 1
    assert shown[-1] == "… 103 more lines"
