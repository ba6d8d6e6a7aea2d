"""What new locks change, as lines."""

from __future__ import annotations

from collections.abc import Sequence

from provision.profile.lock_changes import LockChange, PackageChange
from provision.render.entry import CHANGED, CREATED, REMOVED, Mark
from provision.render.line import Line, Span, cells, pad
from provision.render.measure import count
from provision.render.page import NARROW, Page, Part
from provision.render.plan import LEFT

MOST = 40
"""Packages of an environment that are listed, unless `--verbose` asks for all."""
_NAMES = 28
"""Cells of the longest name that the column makes room for."""


def lock_lines(changes: Sequence[LockChange], page: Page) -> list[Line]:
    """Return each environment with what is added, changed and removed, versions below one another."""
    return [line for change in changes for line in _environment(change, page)]


def _environment(lock: LockChange, page: Page) -> list[Line]:
    left = (*page.fit(page.line((lock.environment, "strong")), page.width // 2 - 1), Span(" "))
    shown = page.hang(pad(left, LEFT), page.line(*_summary(lock)))
    if lock.first and not page.verbose:
        return shown
    listed = lock.changes if page.verbose else lock.changes[:MOST]
    width = min(_NAMES, max((cells(page.text(change.name)) for change in listed), default=0))
    both = len({change.manager for change in lock.changes}) > 1
    for change in listed:
        shown.append(_package(change, page, width, both=both))
    if len(lock.changes) > len(listed):
        shown.append(page.line((f"  … {len(lock.changes) - len(listed)} more, `--verbose` shows them", "quiet")))
    return shown


def _summary(lock: LockChange) -> tuple[Part, ...]:
    packages = count(lock.packages, "package")
    if lock.first:
        return (packages, (", its first lock", "quiet"))
    if not lock.changes:
        return (packages, (", as before", "quiet"))
    marks = [_mark(change) for change in lock.changes]
    counts = [(CREATED, "added"), (REMOVED, "removed"), (CHANGED, "changed")]
    return (packages, ": ", ", ".join(f"{marks.count(mark)} {what}" for mark, what in counts if mark in marks))


def _mark(change: PackageChange) -> Mark:
    return CREATED if not change.before else REMOVED if not change.after else CHANGED


def _package(change: PackageChange, page: Page, width: int, *, both: bool) -> Line:
    mark = _mark(change)
    name = pad(page.fit(page.line(change.name), width), width)
    indent = "" if page.width < NARROW else "  "
    versions: list[Part] = [change.before or change.after]
    if change.before and change.after:
        versions = [(change.before, "quiet"), (" → ", "quiet"), change.after]
    whose: list[Part] = [(f"{change.manager:<5}  ", "quiet")] if both else []
    return page.fit((*page.line(indent, (mark.sign, mark.style), " "), *name, *page.line("  ", *whose, *versions)))
