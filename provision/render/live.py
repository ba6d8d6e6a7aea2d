"""The part of the screen that moves while a run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from provision.render.line import SGR, Line
from provision.render.screen import Screen

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

_STYLES = {"1": "bold", "2": "dim", "31": "red", "32": "green", "33": "yellow", "35": "magenta", "36": "cyan"}
_REFRESH = 8
"""Times a second."""


class LiveView:
    """Redraws `lines()` at the foot of a screen, what is written meanwhile goes above; rich is loaded when it starts."""

    def __init__(self, screen: Screen, lines: Callable[[], list[Line]]) -> None:
        self._screen = screen
        self._lines = lines
        self._live: Live | None = None

    @property
    def on(self) -> bool:
        """Whether it is drawn."""
        return self._live is not None

    def start(self) -> None:
        """Begin to draw; does nothing when it is drawn already."""
        if self._live is not None:
            return
        from rich.console import Console  # noqa: PLC0415 - 60 ms, paid only while something runs
        from rich.live import Live  # noqa: PLC0415 - as above

        self._screen.clear()
        console = Console(
            file=self._screen.stream,
            force_terminal=True,
            color_system="standard" if self._screen.color else None,
            no_color=not self._screen.color,
            legacy_windows=False,
            markup=False,
            emoji=False,
            highlight=False,
        )
        self._live = Live(
            console=console,
            get_renderable=self._text,
            refresh_per_second=_REFRESH,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def stop(self) -> None:
        """Take what moves away; the cursor is shown again."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def write(self, lines: list[Line]) -> None:
        """Write lines above what moves."""
        if self._live is None:
            self._screen.write(lines)
        elif lines:
            self._live.console.print(rich_text(lines), no_wrap=True, crop=True, overflow="crop")

    def _text(self) -> Text:
        return rich_text(self._lines())


def rich_text(lines: list[Line]) -> Text:
    """Return lines as rich has them; nothing in them is read as markup."""
    from rich.text import Text  # noqa: PLC0415 - loaded by then

    text = Text(no_wrap=True, overflow="crop", end="\n")
    for index, line in enumerate(lines):
        if index:
            text.append("\n")
        for span in line:
            text.append(span.text, " ".join(_STYLES[code] for code in SGR[span.style].split(";") if code))
    return text


class Clock:
    """The agents' clocks as seen from here: their last word, and the time passed since; no two clocks are compared."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._heard: dict[str, float] = {}

    def hear(self, host: str) -> None:
        """Note that an event of `host` came in now."""
        self._heard = {**self._heard, host: self._monotonic()}

    def now(self, host: str, clock: float) -> float:
        """Return the agent's time now, where its last event said `clock`."""
        return clock + self._monotonic() - self._heard.get(host, self._monotonic())
