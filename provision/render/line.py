"""Lines of styled text, measured in terminal cells."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_ASCII = str.maketrans(
    {
        "✓": "ok",
        "✗": "FAIL",
        "↻": "R",
        "→": "->",
        "·": "-",
        "…": "...",
        "│": "|",
        "─": "-",
        "━": "=",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "�": "?",
    }
)
_SELECTORS = {"\ufe0e": "", "\ufe0f": ""}

SGR = {
    "": "",
    "strong": "1",
    "quiet": "2",
    "created": "32",
    "changed": "33",
    "removed": "31",
    "again": "35",
    "later": "36",
    "opaque": "35",
    "good": "32",
    "bad": "1;31",
    "hint": "36",
    "warning": "33",
}
"""What each style is in ECMA-48 graphic rendition: the sixteen colours a person's theme defines, nothing else."""


@dataclass(frozen=True)
class Span:
    """Text of one style, with nothing in it that a terminal would obey."""

    text: str
    style: str = ""


Line = tuple[Span, ...]


def clean(text: str, *, ascii_only: bool = False) -> str:
    """Return `text` with control, invisible, bidirectional and unassigned characters shown as `�`, white space as spaces."""
    if not text.isprintable() or not text.isascii():
        text = "".join(_printable(char) for char in text)
    if not ascii_only or text.isascii():
        return text
    plain = unicodedata.normalize("NFKD", text.translate(_ASCII))
    return "".join(char if char.isascii() else "?" for char in plain if not unicodedata.combining(char))


def _printable(char: str) -> str:
    if char.isprintable():
        return _SELECTORS.get(char, char)
    return " " if char in "\t\n" or unicodedata.category(char) == "Zs" else "�"


def cells(text: str) -> int:
    """Return how many terminal cells `text` takes, character by character (never less than a terminal makes of it)."""
    if text.isascii():
        return len(text)
    from rich.cells import get_character_cell_size  # noqa: PLC0415 - only where there is something else than ASCII

    return sum(1 if char.isascii() else get_character_cell_size(char) for char in text)


def width_of(line: Line) -> int:
    """Return how many cells `line` takes."""
    return sum(cells(span.text) for span in line)


def head(text: str, width: int) -> str:
    """Return the longest beginning of `text` that takes at most `width` cells."""
    if text.isascii():
        return text[: max(0, width)]
    taken = 0
    for index, char in enumerate(text):
        taken += cells(char)
        if taken > width:
            return text[:index]
    return text


def fit(line: Line, width: int, ellipsis: str) -> Line:
    """Return `line`, cut to `width` cells with `ellipsis` at its end where it is longer."""
    if width_of(line) <= width:
        return line
    room = width - cells(ellipsis)
    if room < 0:
        return (Span(head(ellipsis, width)),)
    kept: list[Span] = []
    for span in line:
        text = head(span.text, room)
        room -= cells(text)
        kept.append(Span(text, span.style))
        if text != span.text:
            break
    last = kept[-1]
    return (*kept[:-1], Span(last.text.rstrip(" "), last.style), Span(ellipsis, last.style))


def pad(line: Line, width: int) -> Line:
    """Return `line` with spaces up to `width` cells."""
    missing = width - width_of(line)
    return (*line, Span(" " * missing)) if missing > 0 else line


def wrap(line: Line, width: int, ellipsis: str, *, most: int = 0) -> list[Line]:
    """Return `line` broken between words into lines of `width` cells; the `most`-th (0: no limit) ends with `ellipsis`."""
    if width_of(line) <= width:
        return [line]
    lines: list[list[Span]] = [[]]
    taken = 0
    for word in _words(line, max(1, width)):
        length = cells(word.text)
        if taken and taken + cells(word.text.rstrip(" ")) > width:
            lines.append([])
            taken = 0
            word = Span(word.text.lstrip(" "), word.style)  # noqa: PLW2901 - a line does not begin with the space before it
            length = cells(word.text)
        lines[-1].append(word)
        taken += length
    broken: list[Line] = [_stripped(part) for part in lines]
    if most and len(broken) > most:
        rest = tuple(span for part in broken[most - 1 :] for span in (*part, Span(" ")))
        broken = [*broken[: most - 1], fit(rest, width, ellipsis)]
    return broken


def _words(line: Line, width: int) -> list[Span]:
    """Return the words of `line`, each with the spaces after it, none longer than `width`."""
    words = []
    for span in line:
        start = 0
        while start < len(span.text):
            end = span.text.find(" ", start)
            end = len(span.text) if end < 0 else end + 1
            while end < len(span.text) and span.text[end] == " ":
                end += 1
            word = span.text[start:end]
            if cells(word.rstrip(" ")) > width:
                # A character wider than the line is given up: nothing could show it.
                word = _piece(head(word, width)) or "?"
                end = start + len(word)
            words.append(Span(word, span.style))
            start = end
    return words


def _piece(text: str) -> str:
    """Return the beginning of a word that is longer than a line, up to a sign where an eye expects a break."""
    cut = max(text.rfind(sign) for sign in "/-_,:=")
    return text[: cut + 1] if cut > len(text) // 2 else text


def _stripped(parts: list[Span]) -> Line:
    while parts and not parts[-1].text.strip(" "):
        parts = parts[:-1]
    return (*parts[:-1], Span(parts[-1].text.rstrip(" "), parts[-1].style)) if parts else ()


def paint(line: Line, *, color: bool) -> str:
    """Return `line` as a terminal takes it; without trailing spaces."""
    line = _stripped(list(line))
    if not color:
        return "".join(span.text for span in line)
    return "".join(f"\x1b[{SGR[span.style]}m{span.text}\x1b[0m" if SGR[span.style] else span.text for span in line)
