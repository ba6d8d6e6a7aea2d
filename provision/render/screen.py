"""A person's terminal, or whatever standard error is: what it can show, and lines written to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

from provision.render.line import Line, fit, paint
from provision.render.page import Page

_PLAIN_WIDTH = 100
"""Cells assumed where there is no terminal to ask."""
_NARROWEST = 20


class Screen:
    """Writes lines to `stream`; `live` says that the cursor may be moved. A reader that went away is not an error."""

    def __init__(
        self,
        stream: TextIO,
        *,
        width: int | None = None,
        color: bool = False,
        unicode: bool = True,
        live: bool = False,
        diff: bool = False,
        verbose: bool = False,
    ) -> None:
        self.stream = stream
        self.color = color
        self.live = live
        self._unicode = unicode
        self._width = width
        self._diff = diff
        self._verbose = verbose
        self._gone = False
        self._status = False

    @classmethod
    def of(cls, stream: TextIO, environment: Mapping[str, str], *, diff: bool = False, verbose: bool = False) -> Screen:
        """Return a screen for `stream` as it is: terminal or not, `NO_COLOR`, `FORCE_COLOR`, `TERM=dumb`, its encoding."""
        dumb = environment.get("TERM", "") in {"", "dumb", "unknown"}
        terminal = stream.isatty()
        color = (terminal and not dumb) or bool(environment.get("FORCE_COLOR"))
        encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("_", "-")
        return cls(
            stream,
            width=_columns(environment, terminal=terminal),
            color=color and not environment.get("NO_COLOR"),
            unicode=encoding.startswith("utf"),
            live=terminal and not dumb,
            diff=diff,
            verbose=verbose,
        )

    @property
    def page(self) -> Page:
        """What lines are laid out for now (a terminal's width changes)."""
        return Page(width=self.width, unicode=self._unicode, diff=self._diff, verbose=self._verbose)

    @property
    def width(self) -> int:
        """The width in cells."""
        if self._width is not None:
            return max(_NARROWEST, self._width)
        try:
            return max(_NARROWEST, os.get_terminal_size(self.stream.fileno()).columns or _PLAIN_WIDTH)
        except (OSError, ValueError):
            return _PLAIN_WIDTH

    def write(self, lines: list[Line]) -> None:
        """Write whole lines, and take a status line away first."""
        before, self._status = ("\r\x1b[K" if self._status else ""), False
        self._put(before + "".join(paint(line, color=self.color) + "\n" for line in lines))

    def status(self, line: Line) -> None:
        """Show `line` until something else is written, by whomever (the cursor is left at its beginning); only where live."""
        if self.live:
            self._put("\r\x1b[K" + paint(fit(line, self.width - 1, self.page.ellipsis), color=self.color) + "\r")
            self._status = True

    def ask(self, line: Line) -> None:
        """Write `line` without ending it."""
        self.write([])
        self._put(paint(line, color=self.color) + " ")

    def clear(self) -> None:
        """Take a status line away."""
        if self._status:
            self.write([])

    def _put(self, text: str) -> None:
        if self._gone or not text:
            return
        try:
            self.stream.write(text)
            self.stream.flush()
        except (BrokenPipeError, ValueError):
            # Whoever read is gone (`2>&1 | head`), or the stream was closed under us; the run itself goes on.
            self._gone = True


def _columns(environment: Mapping[str, str], *, terminal: bool) -> int | None:
    """Return the width a person asks for with `COLUMNS`, 100 where there is no terminal, `None` for the terminal's own."""
    asked = environment.get("COLUMNS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return None if terminal else _PLAIN_WIDTH
