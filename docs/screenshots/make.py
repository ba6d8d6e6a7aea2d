# ruff: noqa: INP001 - a script
"""Draw `plan.svg` and `verify.svg` from what `plan --json` and `verify --json` wrote, one after the other, to a file.

`python docs/screenshots/make.py recorded.jsonl`. They are laid out by the code that a terminal gets, and drawn by rich.
`explain.svg` is what the tables say on the day below.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from provision.checks.model import Outcome, Verdict
from provision.facts import model as facts_model
from provision.knowledge.resolve import resolve
from provision.knowledge.stack import Wish
from provision.plan import model as plan_model
from provision.render.explain import stack_lines
from provision.render.line import Line
from provision.render.live import rich_text
from provision.render.page import Page
from provision.render.plan import plan_lines
from provision.render.verdict import verdict_lines

HERE = Path(__file__).parent
DAY = dt.date(2026, 11, 22)
WIDTH = 112
THEME = TerminalTheme(
    (24, 26, 31),
    (220, 223, 228),
    [
        (40, 44, 52),
        (240, 113, 120),
        (140, 200, 110),
        (229, 192, 105),
        (97, 175, 239),
        (198, 140, 232),
        (86, 198, 200),
        (220, 223, 228),
    ],
)
_FONTS = re.compile(r"@font-face \{.*?\}\n", re.DOTALL)
"""Fonts fetched from elsewhere: an image in a README must not, and cannot, fetch anything."""


def verdicts_of(items: list[dict[str, Any]]) -> tuple[Verdict, ...]:
    """Return the verdicts of a recorded line."""
    return tuple(Verdict(**{**item, "outcome": Outcome(item["outcome"])}) for item in items)


def draw(lines: list[Line], command: str, path: Path) -> None:
    """Write `lines` as a picture of a terminal in which `command` was typed."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="standard")
    page = Page(width=WIDTH)
    console.print(rich_text([page.line(("$ ", "quiet"), command), *lines]), no_wrap=True, crop=True)
    picture = _FONTS.sub("", console.export_svg(title="provision", theme=THEME, unique_id="provision"))
    path.write_text(picture.replace("font-family: Fira Code, monospace", "font-family: ui-monospace, Menlo, Consolas, monospace"))


def main(recorded: Path) -> None:
    """Draw what is in `recorded`."""
    found = {line["type"]: line for line in map(json.loads, recorded.read_text().splitlines())}
    facts, plan = facts_model.load(found["facts"]["facts"]), plan_model.load(found["plan"]["plan"])
    page = Page(width=WIDTH)
    draw(plan_lines(found["plan"]["host"], facts, plan, page), "provision plan", HERE / "plan.svg")
    clean = plan_model.Plan(entries=()) if found["verdicts"]["drift"] == 0 else plan
    draw(verdict_lines(clean, verdicts_of(found["verdicts"]["verdicts"]), page), "provision verify", HERE / "verify.svg")

    wish = Wish(system="ubuntu-24.04", gpus=("10de:1e84",), today=DAY, secure_boot=True, frameworks=("torch",))
    asked = 'provision explain --gpu "RTX 2070 SUPER" --os ubuntu-24.04 --secure-boot'
    draw(stack_lines(wish, resolve(wish), page), asked, HERE / "explain.svg")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "recorded.jsonl")
