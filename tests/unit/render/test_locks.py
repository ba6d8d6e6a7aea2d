"""New locks on a page: what changed, versions below one another, wide, narrow and without Unicode."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from provision.profile.lock import Lock
from provision.profile.lock_changes import LockChange, compare
from provision.render.line import paint, width_of
from provision.render.locks import MOST, lock_lines
from provision.render.page import Page
from tests.unit.run.locking import conda_lock, pip_lock

BOTH = compare(
    "torch",
    Lock(pip_lock(torch="2.14.0", left_pad="1.0"), conda_lock(python="3.12.7=h0_cpython", openssl="3.5.0=h1", zlib="1.3=h0")),
    Lock(pip_lock(torch="2.15.0", triton="3.9"), conda_lock(python="3.12.12=h1_cpython", openssl="3.5.0=h2", zlib="1.3=h0")),
)
LOCKS = (
    BOTH,
    compare("an-environment-with-a-long-name", Lock(pip_lock(numpy="1")), Lock(pip_lock(numpy="2"))),
    compare("same", Lock(pip_lock(numpy="1")), Lock(pip_lock(numpy="1"))),
    compare("first", Lock(), Lock(pip_lock(numpy="1", pandas="3"))),
)
PAGES = {
    "wide": Page(width=100),
    "narrow": Page(width=44),
    "ascii": Page(width=80, unicode=False),
    "verbose": Page(width=100, verbose=True),
}


@pytest.mark.parametrize("page", PAGES)
def test_new_locks(page: str, snapshot: SnapshotAssertion) -> None:
    lines = lock_lines(LOCKS, PAGES[page])
    assert all(width_of(line) <= PAGES[page].width for line in lines)
    assert "\n".join(paint(line, color=False) for line in lines) == snapshot


def many(count: int) -> LockChange:
    return compare("lab", Lock(pip_lock(x="1")), Lock(pip_lock(x="1", **{f"p{number}": "1" for number in range(count)})))


def test_a_long_list_is_cut_unless_all_is_asked_for() -> None:
    shown = lock_lines((many(MOST + 7),), Page(width=100))
    assert len(shown) == MOST + 2
    assert "7 more, `--verbose` shows them" in paint(shown[-1], color=False)
    assert len(lock_lines((many(MOST + 7),), Page(width=100, verbose=True))) == MOST + 8
    assert len(lock_lines((many(MOST),), Page(width=100))) == MOST + 1


def test_nothing_in_a_lock_is_obeyed_by_a_terminal() -> None:
    evil = LockChange(environment="x\x1b[31m", packages=1, first=False, changes=BOTH.changes)
    assert all("\x1b" not in paint(line, color=False) for line in lock_lines((evil,), Page(width=80)))
