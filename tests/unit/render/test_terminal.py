"""Whole screens, as snapshots."""

from __future__ import annotations

import io
import re

import pytest
from syrupy.assertion import SnapshotAssertion

from provision.agent.events import Event
from provision.catalog.model import Note, RoleNote
from provision.errors import InputError, StepError
from provision.plan.model import Change, Diff, Plan, Status, differs
from provision.render.entry import mark_of, what
from provision.render.live import LiveView, rich_text
from provision.render.page import Page
from provision.render.screen import Screen
from provision.render.terminal import TerminalUi
from tests import render_samples as samples

WIDTHS = pytest.mark.parametrize("width", [40, 60, 80, 120])


class Terminal:
    """A `TerminalUi` and what it wrote."""

    def __init__(self, width: int = 80, **options: bool) -> None:
        self.stream = io.StringIO()
        self.screen = Screen(self.stream, width=width, **options)
        self.ui = TerminalUi(self.screen)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def replay(self, events: list[Event], host: str = "prometheus") -> None:
        for event in events:
            self.ui.event(host, event)


def answering(answer: str, *, yes: bool = False) -> Terminal:
    terminal = Terminal()

    def ask() -> str:
        if not answer:
            raise EOFError
        return answer

    terminal.ui = TerminalUi(terminal.screen, ask=ask, yes=yes)
    return terminal


@WIDTHS
def test_plan(width: int, snapshot: SnapshotAssertion) -> None:
    terminal = Terminal(width)
    terminal.ui.plan("prometheus", samples.facts(), samples.full_plan())
    assert terminal.text == snapshot


@WIDTHS
def test_plan_with_diff(width: int, snapshot: SnapshotAssertion) -> None:
    terminal = Terminal(width, diff=True)
    terminal.ui.plan("prometheus", samples.facts(), samples.full_plan())
    assert terminal.text == snapshot


def test_plan_verbose(snapshot: SnapshotAssertion) -> None:
    terminal = Terminal(100, verbose=True)
    terminal.ui.plan("prometheus", samples.facts(), samples.full_plan())
    assert terminal.text == snapshot


def test_plan_in_color(snapshot: SnapshotAssertion) -> None:
    terminal = Terminal(100, color=True, diff=True)
    terminal.ui.plan("prometheus", samples.facts(), samples.full_plan())
    assert terminal.text == snapshot
    assert "\x1b[32m+\x1b[0m packages" in terminal.text


def test_plan_in_ascii(snapshot: SnapshotAssertion) -> None:
    terminal = Terminal(80, unicode=False)
    terminal.ui.plan("prometheus", samples.facts(), samples.full_plan())
    terminal.ui.verdicts("prometheus", None, samples.verdicts())
    terminal.replay(samples.failing_run())
    assert terminal.text == snapshot
    assert terminal.text.isascii()


@WIDTHS
def test_plan_with_notes(width: int, snapshot: SnapshotAssertion) -> None:
    terminal = Terminal(width)
    terminal.ui.plan("prometheus", samples.facts(), samples.full_plan(), samples.notes())
    assert terminal.text == snapshot
    assert "unseen" not in terminal.text
    assert "nothing to change says nothing" not in terminal.text


def test_plan_with_notes_in_color(snapshot: SnapshotAssertion) -> None:
    terminal = Terminal(100, color=True)
    terminal.ui.plan("prometheus", samples.facts(), samples.full_plan(), samples.notes())
    assert terminal.text == snapshot


@pytest.mark.parametrize("pending", [True, False])
def test_a_plan_says_what_nothing_fits(*, pending: bool) -> None:
    plan = samples.full_plan()
    if not pending:
        plan = Plan(entries=tuple(entry for entry in plan.entries if entry.diff.ok))
    left_out = tuple(
        RoleNote(role=name, note=Note(summary=""), skipped="GPU 10de:3fa0 is not in the tables") for name in ("cuda", "nvidia")
    )
    terminal = Terminal(100)
    terminal.ui.plan("prometheus", samples.facts(), plan, left_out)
    assert ("nothing to change" in terminal.text) is not pending
    (line,) = [line for line in terminal.text.splitlines() if "skipped" in line]
    assert line == "cuda, nvidia   skipped: GPU 10de:3fa0 is not in the tables"


def test_nothing_to_change_is_one_line() -> None:
    terminal = Terminal()
    terminal.ui.plan("prometheus", samples.facts(), samples.empty_plan())
    assert terminal.text == "prometheus: nothing to change, 49 resources already so\n"


def test_nothing_to_change_of_nothing() -> None:
    terminal = Terminal()
    terminal.ui.plan("prometheus", samples.facts(), Plan(entries=()))
    assert terminal.text == "prometheus: nothing to change, no resources\n"


@WIDTHS
def test_plans_of_several_hosts(width: int, snapshot: SnapshotAssertion) -> None:
    terminal = Terminal(width)
    terminal.ui.plan("prometheus", samples.facts(), samples.small_plan())
    terminal.ui.plan("me@10.0.0.7", samples.bare_facts(), samples.small_plan())
    terminal.ui.plan("atlas", samples.facts("atlas"), samples.empty_plan())
    assert terminal.text == snapshot


def test_mark_and_shortage_are_told() -> None:
    plan = Plan(
        free_bytes=1_000,
        entries=(
            samples.entry(
                "base", "packages", "big", differs(Change(field="installed", before="", after="1"), download_bytes=2_000)
            ),
        ),
    )
    terminal = Terminal()
    terminal.ui.plan("prometheus", samples.facts(), plan)
    assert "2.0 kB to download, only 1.0 kB free" in terminal.text


def test_known_after_what() -> None:
    unknown = Diff(status=Status.KNOWN_AFTER_APPLY)
    plan = Plan(
        entries=(
            samples.entry("a", "file", "/before", unknown),
            samples.entry("a", "reboot", "driver", Diff(status=Status.CHANGE, reboots=1)),
            samples.entry("a", "file", "/after", unknown),
        )
    )
    terminal = Terminal(120)
    terminal.ui.plan("prometheus", samples.facts(), plan)
    assert re.search(r"/before +known after the apply", terminal.text)
    assert re.search(r"/after +known after the reboot", terminal.text)
    assert "1 to change, 1 known after the reboot, 1 known after the apply · 1 reboot\n" in terminal.text


@WIDTHS
def test_verify(width: int, snapshot: SnapshotAssertion) -> None:
    terminal = Terminal(width)
    terminal.ui.verdicts("prometheus", samples.empty_plan(), samples.verdicts())
    assert terminal.text == snapshot


def test_verify_with_drift_and_color(snapshot: SnapshotAssertion) -> None:
    terminal = Terminal(100, color=True, verbose=True)
    terminal.ui.verdicts("prometheus", samples.small_plan(), samples.verdicts())
    assert terminal.text == snapshot


@WIDTHS
def test_apply(width: int, snapshot: SnapshotAssertion) -> None:
    terminal = Terminal(width)
    terminal.replay(samples.good_run())
    assert terminal.text == snapshot


@WIDTHS
def test_failing_apply(width: int, snapshot: SnapshotAssertion) -> None:
    terminal = Terminal(width)
    terminal.replay(samples.failing_run())
    terminal.ui.failed("prometheus", StepError("`apt-get install` exited with 100"))
    assert terminal.text == snapshot
    assert terminal.text.count("error:") == 1


def test_error_before_a_run(snapshot: SnapshotAssertion) -> None:
    terminal = Terminal()
    evidence = "\n".join(f"line {number}\tof what ssh said" for number in range(40))
    terminal.ui.failed(
        "prometheus", StepError("the machine went away", evidence=evidence, hint="`provision attach 4711` follows it")
    )
    assert terminal.text == snapshot


def test_apply_to_several_hosts(snapshot: SnapshotAssertion) -> None:
    terminal = Terminal(100)
    terminal.ui.connecting("prometheus", "connecting")
    terminal.ui.connecting("atlas", "connecting")
    good, bad = samples.good_run(), samples.failing_run()
    for index in range(max(len(good), len(bad))):
        terminal.replay(good[index : index + 1])
        terminal.replay(bad[index : index + 1], host="atlas")
    terminal.ui.note("prometheus", "lock written to workstation.lock")
    terminal.ui.verdicts("prometheus", None, samples.verdicts()[:2])
    assert terminal.text == snapshot


@pytest.mark.parametrize(
    ("result", "changed", "last"),
    [
        ("done", 0, "nothing changed in 3.0 s"),
        ("reboot-needed", 2, "2 changed, 1 change not made in 3.0 s · a reboot is needed to go on"),
        ("interrupted", 1, "1 changed, 2 changes not made in 3.0 s · interrupted"),
    ],
)
def test_endings(result: str, changed: int, last: str) -> None:
    terminal = Terminal()
    script = samples.Script().say("run-started", run="r", pid=1, total=3)
    terminal.replay(script.say("run-ended", result=result, changed=changed, seconds=3.0, message="").events)
    assert terminal.text.strip() == last


def test_nothing_moves_without_a_terminal() -> None:
    terminal = Terminal()
    terminal.ui.connecting("prometheus", "connecting")
    terminal.replay(samples.good_run())
    terminal.ui.close()
    assert "\x1b" not in terminal.text
    assert "\r" not in terminal.text
    assert "connecting" not in terminal.text


def test_the_status_line_goes_away() -> None:
    terminal = Terminal(live=True)
    terminal.ui.connecting("prometheus", "connecting")
    terminal.ui.plan("prometheus", samples.facts(), samples.empty_plan())
    assert terminal.text.startswith("\r\x1b[Kprometheus: connecting\r\r\x1b[K")
    assert terminal.text.endswith("\x1b[Kprometheus: nothing to change, 49 resources already so\n")


def test_the_live_view_ends_with_the_cursor_shown() -> None:
    terminal = Terminal(100, live=True)
    with terminal.ui as ui:
        for event in samples.good_run()[:-1]:
            ui.event("prometheus", event)
        assert "\x1b[?25l" in terminal.text
    assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l")
    assert "✓ jupyter        service    jupyter@me.service" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.text)


def test_the_live_view_of_one_host(snapshot: SnapshotAssertion) -> None:
    terminal = Terminal(100)
    events = samples.good_run()
    shown = []
    for upto in (2, 5, 7, 12, 19):
        terminal = Terminal(100)
        terminal.replay(events[:upto])
        shown.append(_plain(terminal))
    assert "\n\n".join(shown) == snapshot


def test_the_live_view_groups_several_hosts(snapshot: SnapshotAssertion) -> None:
    terminal = Terminal(60)
    terminal.replay(samples.good_run()[:6])
    terminal.replay(samples.failing_run()[:4], host="atlas")
    assert _plain(terminal) == snapshot


def _plain(terminal: Terminal) -> str:
    text = "\n".join("".join(span.text for span in line).rstrip() for line in terminal.ui._moving())
    # The spinner and what was rounded down to a second depend on when this runs.
    return re.sub("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]", "*", text)


def test_rich_reads_no_markup() -> None:
    page = Terminal().screen.page
    assert rich_text([page.line("[red]x[/red] :smile:")]).plain == "[red]x[/red] :smile:"


def test_the_view_starts_once() -> None:
    terminal = Terminal(live=True)
    view = LiveView(terminal.screen, list)
    view.start()
    view.start()
    assert view.on
    view.stop()
    view.stop()
    assert not view.on


@pytest.mark.parametrize(
    ("answer", "agreed"), [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False), ("maybe\n", False)]
)
def test_confirm(answer: str, *, agreed: bool) -> None:
    terminal = answering(answer)
    assert terminal.ui.confirm({"prometheus": samples.full_plan()}) is agreed
    assert terminal.text == "Apply these 9 changes? [y/N] "


def test_confirm_one_change_and_end_of_input() -> None:
    terminal = answering("")
    one = Plan(entries=(samples.entry("a", "file", "/x", differs(Change(field="mode", before="1", after="2"))),))
    assert terminal.ui.confirm({"prometheus": one}) is False
    assert terminal.text == "Apply this change? [y/N] \n"


def test_confirm_several_hosts() -> None:
    terminal = answering("y")
    plans = {"a": samples.full_plan(), "b": samples.small_plan(), "c": samples.small_plan(), "d": samples.empty_plan()}
    assert terminal.ui.confirm(plans)
    assert terminal.text == "Apply 13 changes to 3 hosts? [y/N] "


def test_confirm_without_a_terminal() -> None:
    with pytest.raises(InputError) as caught:
        Terminal().ui.confirm({"prometheus": samples.full_plan()})
    assert caught.value.hint == "add `--yes`"


def test_confirm_asks_nothing_when_told_or_when_nothing_changes() -> None:
    terminal = answering("", yes=True)
    assert terminal.ui.confirm({"prometheus": samples.full_plan()})
    assert Terminal().ui.confirm({"prometheus": samples.empty_plan()})
    assert terminal.text == ""


def test_the_line_of_an_entry() -> None:
    page = Page(width=100)
    cases = {
        "packages curl git": (differs(Change(field="git", before="absent", after="2.39")), "+", "git  1 already so"),
        "packages curl": (differs(Change(field="curl", before="7.88", after="8.5")), "~", "curl: 7.88 → 8.5"),
        "authorized_keys me": (differs(Change(field="key", before="absent", after="SHA256:x")), "+", "me: key absent → SHA256:x"),
        "file /etc/x": (differs(Change(field="file", before="absent", after="9 bytes"), why="missing"), "+", "/etc/x"),
        "link /etc/x": (differs(Change(field="link", before="/a", after="absent")), "-", "/etc/x"),
        "service a.service": (
            differs(Change(field="restart", before="/x changes", after="restarted")),
            "↻",
            "a.service  /x changes",
        ),
        "command c": (Diff(status=Status.OPAQUE, changes=(Change(field="command", before="not run", after="ls"),)), "!", "c: ls"),
        "reboot driver": (Diff(status=Status.CHANGE, why="because", reboots=1), "↻", "driver  because"),
        "reboot maybe": (Diff(status=Status.KNOWN_AFTER_APPLY, why="only if", reboots=1), "?", "maybe  only if"),
    }
    for name, (diff, sign, text) in cases.items():
        kind, _, title = name.partition(" ")
        entry = samples.entry("role", kind, title, diff)
        line, rest = what(entry, page, 80)
        assert (mark_of(entry).sign, "".join(span.text for span in line), rest) == (sign, text, ())


def test_a_reboot_that_may_not_be_needed_is_not_promised() -> None:
    perhaps = samples.entry("a", "reboot", "maybe", Diff(status=Status.KNOWN_AFTER_APPLY, why="only if", reboots=1))
    terminal = Terminal()
    terminal.ui.plan("prometheus", samples.facts(), Plan(entries=(perhaps,)))
    assert terminal.text.endswith("1 known after the apply · at most 1 reboot\n")
