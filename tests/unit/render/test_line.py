"""No line is wider than the terminal, and nothing a machine says is obeyed by it."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from provision.checks.model import Outcome, Verdict
from provision.errors import StepError
from provision.plan.model import Change, Diff, Plan, PlanEntry, Status
from provision.render.line import Span, cells, clean, fit, head, width_of, wrap
from provision.render.screen import Screen
from provision.render.terminal import TerminalUi
from tests import render_samples as samples

NASTY = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from("日本語カ👩🚀é\u0301\u200b\u202e\x1b[]m\x9b\x07\r\n\t·✓✗→ aaaa"),
    ),
    max_size=120,
)
SEEN = {"\n"}


def entries() -> st.SearchStrategy[PlanEntry]:
    change = st.builds(Change, field=NASTY, before=NASTY, after=NASTY)
    diff = st.builds(
        Diff,
        status=st.sampled_from(Status),
        why=NASTY,
        changes=st.lists(change, max_size=3).map(tuple),
        text=NASTY,
        download_bytes=st.none() | st.integers(0, 10**13),
        reboots=st.integers(0, 1),
    )
    return st.builds(PlanEntry, key=NASTY, role=NASTY, kind=NASTY, title=NASTY, diff=diff)


def holds(text: str, width: int, *, unicode: bool) -> None:
    for line in text.split("\n"):
        assert cell_len(line) <= width, repr(line)
    forbidden = {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} - SEEN
    assert not forbidden
    assert unicode or text.isascii()


@settings(max_examples=150, deadline=None)
@given(st.lists(entries(), max_size=4), NASTY, st.integers(40, 200), st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_plans_stay_on_the_page(shown: list[PlanEntry], host: str, width: int, flags: tuple[bool, bool, bool]) -> None:
    stream = io.StringIO()
    unicode, diff, verbose = flags
    ui = TerminalUi(Screen(stream, width=width, unicode=unicode, diff=diff, verbose=verbose))
    plan = Plan(entries=tuple(shown), free_bytes=10**9)
    ui.plan(host, samples.facts(host), plan)
    ui.verdicts(host, plan, ())
    holds(stream.getvalue(), width, unicode=unicode)


@settings(max_examples=100, deadline=None)
@given(title=NASTY, evidence=NASTY, host=NASTY, width=st.integers(40, 200), unicode=st.booleans())
def test_runs_and_errors_stay_on_the_page(*, title: str, evidence: str, host: str, width: int, unicode: bool) -> None:
    stream = io.StringIO()
    ui = TerminalUi(Screen(stream, width=width, unicode=unicode))
    script = samples.Script().say("run-started", run="r", pid=1, total=2)
    script.resource(f"{title}:x", title, evidence, 40.0, says=(title, evidence))
    script.say("resource-started", key="k", role=title, title=evidence)
    script.say("progress", 20, key="k", says=evidence, fraction=0.5, bytes=7, total_bytes=10**12)
    script.say("resource-failed", key="k", role=title, title=title, message=evidence, evidence=evidence, hint=title)
    for event in [*script.events, *script.say("run-ended", result="failed", changed=1, seconds=2, message=title).events[-1:]]:
        ui.event("a", event)
        ui.event(host, event)
        stream.write("".join("".join(span.text for span in line) + "\n" for line in ui._moving()))
    ui.failed(host, StepError(title, evidence=evidence, hint=host))
    ui.note(host, evidence)
    verdict = Verdict(role=title, name=evidence, outcome=Outcome.FAILED, evidence=title, hint=evidence)
    ui.verdicts(host, None, (verdict,))
    holds(stream.getvalue(), width, unicode=unicode)


@given(NASTY, NASTY, st.integers(1, 60))
def test_wrapping_loses_only_spaces(one: str, two: str, width: int) -> None:
    line = (Span(clean(one)), Span(clean(two), "quiet"))
    broken = wrap(line, width, "…")
    assert all(width_of(part) <= width for part in broken)
    if width > 1:
        together = "".join(span.text for part in broken for span in part)
        assert together.replace(" ", "") == clean(one + two).replace(" ", "")


@given(NASTY, st.integers(0, 60))
def test_fitting_keeps_the_beginning(text: str, width: int) -> None:
    line = (Span(clean(text)),)
    fitted = fit(line, width, "…")
    assert width_of(fitted) <= width
    if width_of(line) <= width:
        assert fitted == line
    assert cells(head(clean(text), width)) <= width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [red]text[/red]", "plain [red]text[/red]"),
        ("\x1b[31mred\x1b[0m", "�[31mred�[0m"),
        ("safe\u202egpj.exe", "safe�gpj.exe"),
        ("a\u200bb\u00adc", "a�b�c"),
        ("a\tb\nc\u00a0d", "a b c d"),
        ("50%\r100%", "50%�100%"),
        ("é日", "é日"),
        ("\ud800", "�"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize(("text", "shown"), [("é → ✓ … 日", "e -> ok ... ?"), ("\x07", "?"), ("a × b", "a x b")])  # noqa: RUF001 - the sign itself
def test_clean_to_ascii(text: str, shown: str) -> None:
    assert clean(text, ascii_only=True) == shown
