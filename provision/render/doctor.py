"""A diagnosis on a page: each finding with its cause, its evidence and the command that mends it; else what was looked at."""

from __future__ import annotations

from provision.doctor.finding import Diagnosis, Finding, Severity
from provision.facts.model import Facts
from provision.render.line import Line, Span, cells, pad
from provision.render.measure import count
from provision.render.page import Page, Part
from provision.render.plan import header
from provision.render.tables import table

_MARKS = {Severity.BROKEN: ("✗", "bad"), Severity.RISK: ("!", "warning"), Severity.NOTE: ("·", "quiet")}
_WORDS = {Severity.BROKEN: ("broken", "bad"), Severity.RISK: ("at risk", "warning"), Severity.NOTE: ("to note", "")}
_GAP = 2


def diagnosis_lines(host: str, facts: Facts, diagnosis: Diagnosis, page: Page) -> list[Line]:
    """Return the whole screen of a diagnosis; without findings, a line for each question that was asked."""
    shown = [*header(host, facts, page), ()]
    width = len(str(len(diagnosis.findings)))
    for number, finding in enumerate(diagnosis.findings, 1):
        shown += [*_finding(finding, page, number=str(number).rjust(width)), ()]
    if not diagnosis.findings or page.verbose:
        shown += [*table(((looked.ask, looked.seen) for looked in diagnosis.looked), page), ()]
    if not facts.privileged:
        shown += page.hang((), page.line(("looked without root: the kernel's log and keys may be missing", "quiet")))
    return [*shown, *_summary(diagnosis, page)]


def _finding(finding: Finding, page: Page, *, number: str) -> list[Line]:
    sign, style = _MARKS[finding.severity]
    signs = max(cells(page.text(mark)) for mark, _ in _MARKS.values())
    left: Line = (*page.line((f"{number} ", "quiet")), *pad(page.line((sign, style)), signs), Span(" "))
    indent = (Span(" " * (len(number) + signs + _GAP)),)
    shown = page.hang(left, page.line((finding.title, "strong")))
    shown += page.hang(indent, page.line(finding.cause))
    bar = (*indent, *page.line(("│ ", "quiet")))
    for evidence in finding.evidence:
        shown += page.hang(bar, page.line((evidence, "quiet")), most=3)
    if finding.advice:
        shown += page.hang(indent, page.line(finding.advice))
    return shown + page.hang((*indent, *page.line(("→ ", "hint"))), page.line((finding.mend, "hint")))


def _summary(diagnosis: Diagnosis, page: Page) -> list[Line]:
    """Return `1 broken · 2 at risk · 14 other questions answered well`."""
    sound = len(diagnosis.looked)
    if not diagnosis.findings:
        return page.hang((), page.line(("nothing is wrong", "good"), f" · {count(sound, 'question')} asked"))
    parts: list[tuple[Part, ...]] = []
    for severity, (word, style) in _WORDS.items():
        number = sum(1 for finding in diagnosis.findings if finding.severity is severity)
        if number:
            parts.append(((f"{number} {word}", style),))
    if not diagnosis.broken:
        parts.insert(0, (("nothing is broken", "good"),))
    if sound:
        parts.append(((f"{count(sound, 'other question')} answered well", "quiet"),))
    return page.dotted(parts)
