"""An error on a page: what failed, where, the evidence, and what to type next."""

from __future__ import annotations

import re

from provision.render.line import Line
from provision.render.page import Page

_COLOR = re.compile(r"\x1b\[[0-9;]*m")
"""The colours of a child's output: harmless, and noise once they are shown as text."""

MOST_EVIDENCE = 25
"""Lines of evidence shown unless a person asks for all: a child's last words matter most."""


def failure_lines(message: str, page: Page, *, at: str = "", evidence: str = "", hint: str = "", host: str = "") -> list[Line]:
    """Return the block of an error; `at` says the step, `host` is named where there are several."""
    where = f"{host}: " if host else ""
    shown = page.hang(page.line(("error: ", "bad")), page.line(where + message))
    if at:
        shown += page.hang(page.line(("  at ", "quiet")), page.line(at), most=2)
    shown += evidence_lines(evidence, page)
    for index, line in enumerate(hint.split("\n") if hint else ()):
        shown += page.hang(page.line(("hint: " if index == 0 else "      ", "hint")), page.line(line))
    return shown


def evidence_lines(evidence: str, page: Page) -> list[Line]:
    """Return the last lines of what a child printed, behind a bar; long ones are broken, not cut."""
    text = _COLOR.sub("", evidence).replace("\r\n", "\n").replace("\r", "\n").expandtabs(8).strip("\n")
    lines = [line.rstrip() for line in text.split("\n")] if text.strip() else []
    bar = page.line(("  │ ", "quiet"))
    shown: list[Line] = []
    if len(lines) > MOST_EVIDENCE and not page.verbose:
        shown += page.hang(bar, page.line((f"… {len(lines) - MOST_EVIDENCE} lines before, `--verbose` shows them", "quiet")))
        lines = lines[-MOST_EVIDENCE:]
    for line in lines:
        shown += [(*bar, *part) for part in page.wrap(page.line(line), page.width - 4)]
    return shown
