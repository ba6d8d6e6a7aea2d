"""Verdicts on a page: what was tried, what was found, what to type next."""

from __future__ import annotations

from provision.checks.model import Outcome, Verdict
from provision.plan.model import Plan
from provision.render.line import Line, Span, cells, pad, width_of
from provision.render.measure import count, duration
from provision.render.page import NARROW, Page, Part
from provision.render.plan import LEFT, entry_lines

_MARKS = {Outcome.PASSED: ("✓", "good"), Outcome.FAILED: ("✗", "bad"), Outcome.SKIPPED: ("-", "quiet")}
_LONGEST_NAME = 28


def verdict_lines(plan: Plan | None, verdicts: tuple[Verdict, ...], page: Page) -> list[Line]:
    """Return the verdicts by role, what drifted (`plan` is `None` after an apply: not looked at), and the count."""
    shown: list[Line] = []
    roles: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        roles.setdefault(verdict.role, []).append(verdict)
    name = min(max((cells(page.text(verdict.name)) for verdict in verdicts), default=0), _LONGEST_NAME)
    for role, group in roles.items():
        for index, verdict in enumerate(group):
            shown += _verdict(verdict, page, role=role if index == 0 else "", name_width=name)
    if plan is not None and plan.pending:
        shown += [*([()] if shown else []), *page.hang((), page.line(("differs from the profile", "warning"))), ()]
        shown += entry_lines(plan, page)
    return [*shown, *([()] if shown else []), *tally(plan, verdicts, page)]


def _verdict(verdict: Verdict, page: Page, *, role: str, name_width: int) -> list[Line]:
    sign, style = _MARKS[verdict.outcome]
    signs = max(cells(page.text(mark)) for mark, _ in _MARKS.values())
    mark = pad(page.line((sign, style)), signs)
    if page.width < NARROW:
        shown = [page.fit(page.line((role, "strong")))] if role else []
        indent = signs + 3
        shown += page.hang((Span("  "), *mark, Span(" ")), page.line(verdict.name))
        if verdict.evidence:
            shown += page.hang((Span(" " * indent),), page.line((verdict.evidence, "quiet")))
    else:
        left = page.fit(pad(page.line((role, "strong")), LEFT), LEFT)
        indent = LEFT + signs + 1
        shown = _row(verdict, page, before=(*left, *mark, Span(" ")), name_width=name_width)
    if verdict.hint and verdict.outcome is not Outcome.PASSED:
        shown += page.hang((Span(" " * indent),), page.line(("hint: ", "hint"), verdict.hint))
    return shown


def _row(verdict: Verdict, page: Page, *, before: Line, name_width: int) -> list[Line]:
    """Return name and evidence beside each other, or the evidence below where it would have less than half of the page."""
    indent = width_of(before)
    if indent + name_width + 2 > page.width // 2:
        below = page.hang((Span(" " * indent),), _evidence(verdict, page)) if verdict.evidence else []
        return [*page.hang(before, page.line(verdict.name)), *below]
    name = pad(page.fit(page.line(verdict.name), name_width), name_width)
    return page.hang((*before, *name, Span("  ")), _evidence(verdict, page))


def _evidence(verdict: Verdict, page: Page) -> Line:
    took: list[Part] = [(f"  {duration(verdict.seconds)}", "quiet")] if page.verbose else []
    return page.line((verdict.evidence, "quiet" if verdict.outcome is Outcome.SKIPPED else ""), *took)


def tally(plan: Plan | None, verdicts: tuple[Verdict, ...], page: Page) -> list[Line]:
    """Return `11 of 12 checks passed · 2 skipped · drift: none`; the skipped are counted apart."""
    passed = sum(1 for verdict in verdicts if verdict.outcome is Outcome.PASSED)
    skipped = sum(1 for verdict in verdicts if verdict.outcome is Outcome.SKIPPED)
    tried = len(verdicts) - skipped
    style = "good" if passed == tried else "bad"
    parts: list[Part] = [(f"{passed} of {count(tried, 'check')} passed", style) if tried else "no checks were run"]
    if skipped:
        parts.append(f" · {skipped} skipped")
    if plan is not None:
        parts += [" · drift: ", (count(len(plan.pending), "resource"), "warning") if plan.pending else "none"]
    return page.hang((), page.line(*parts))
