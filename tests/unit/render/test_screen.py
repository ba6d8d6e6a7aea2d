"""What is found out about standard error, and what happens when its reader goes away."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from provision.render.page import Page
from provision.render.screen import Screen


class Tty(io.StringIO):
    """A stream that says it is a terminal."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "color", "live"),
    [
        ({"TERM": "xterm-256color"}, True, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, False, False),
        ({}, False, False),
    ],
)
def test_terminals(environment: dict[str, str], *, color: bool, live: bool) -> None:
    screen = Screen.of(Tty(), environment)
    assert (screen.color, screen.live) == (color, live)


def test_a_pipe_is_plain() -> None:
    screen = Screen.of(io.StringIO(), {"TERM": "xterm"})
    assert (screen.color, screen.live, screen.width) == (False, False, 100)
    assert Screen.of(io.StringIO(), {"FORCE_COLOR": "1"}).color


def test_columns_are_a_wish() -> None:
    assert Screen.of(Tty(), {"TERM": "xterm", "COLUMNS": "72"}).width == 72
    assert Screen.of(io.StringIO(), {"COLUMNS": "zero"}).width == 100
    assert Screen.of(Tty(), {"TERM": "xterm"}).width == 100


@pytest.mark.parametrize(
    ("encoding", "unicode"), [("utf-8", True), ("UTF8", True), ("ANSI_X3.4-1968", False), ("latin-1", False)]
)
def test_the_alphabet_is_the_stream_s(encoding: str, *, unicode: bool) -> None:
    assert Screen.of(Tty(encoding), {}).page.unicode is unicode


def test_a_reader_that_went_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        screen = Screen(stream)
        line = Page().line("x")
        screen.write([line])
        screen.write([line])
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def test_a_plan_needs_no_rich_console() -> None:
    code = (
        "import io, sys\n"
        "from provision.render.screen import Screen\n"
        "from provision.render.terminal import TerminalUi\n"
        "from tests import render_samples as samples\n"
        "TerminalUi(Screen(io.StringIO())).plan('prometheus', samples.facts(), samples.full_plan())\n"
        "sys.exit('rich.console' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
