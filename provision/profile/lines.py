"""On which line of a TOML text each field stands.

TOML parsers give no positions, so the text is walked once more, in linear time. The walk also refuses what makes a
parser slow or recurse without end, and leaves every other mistake to the parser, whose message is better.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import NamedTuple

import tomli

from provision.errors import InputError

Location = tuple[str | int, ...]
"""Keys and indices from the top, as pydantic's `loc`: `("environment", 0, "name")`."""

DEEPEST = 16
"""Parts of a dotted key, and brackets within brackets."""
LONGEST_WORD = 400
"""Characters of a bare key or of a number."""
MOST_TOKENS = 40_000

_TOKEN = re.compile(
    r"""
    [ \t]+ | \#[^\n]*
  | (?P<newline> \r?\n)
  | (?P<string>
        \"\"\" [^"\\]* (?: (?: \\[\s\S] | "(?!"") ) [^"\\]* )* \"\"\" "{0,2}
      | ''' [^']* (?: '(?!'') [^']* )* ''' '{0,2}
      | (?!\"\"\") " [^"\\\n]* (?: \\[^\n] [^"\\\n]* )* "
      | (?!''') ' [^'\n]* '
    )
  | (?P<mark> [][{}=,.])
  | (?P<word> [^\s\[\]{}=,.\#"']+)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Lines:
    """The first line of each field; keys given twice as (location, first line, second line); a bracket left open."""

    first: dict[Location, int]
    repeated: tuple[tuple[Location, int, int], ...] = ()
    open: int = 0
    """The line of the bracket in which the walk stopped, or 0."""

    def line(self, *location: str | int) -> int:
        """Return the line of the field, of the nearest table around it when it is not in the text, or 0."""
        for end in range(len(location), 0, -1):
            if location[:end] in self.first:
                return self.first[location[:end]]
        return 0


class _Stop(Exception):  # noqa: N818 - not an error: the parser says it better
    """The text is not TOML from here on."""


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def _tokens(text: str, name: str, most: int) -> list[_Token]:
    tokens: list[_Token] = []
    at, line = 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            if text.startswith(('"""', "'''"), at):
                raise InputError(f"{name}:{line}: this string of several lines is never closed")
            break
        at = match.end()
        kind = match.lastgroup
        if kind is None:
            continue
        word = match.group()
        if kind == "word" and len(word) > LONGEST_WORD:
            raise InputError(f"{name}:{line}: a key or number of {len(word)} characters, at most {LONGEST_WORD} are allowed")
        tokens.append(_Token(kind, word, line))
        line += word.count("\n")
        if len(tokens) > most:
            raise InputError(f"{name}:{line}: more than {most} keys, values, signs and lines")
    tokens.append(_Token("end", "", line))
    return tokens


class _Walk:
    def __init__(self, tokens: list[_Token], name: str) -> None:
        self.tokens = tokens
        self.name = name
        self.at = 0
        self.table: Location = ()
        self.elements: dict[Location, int] = {}
        self.first: dict[Location, int] = {}
        self.given: set[Location] = set()
        self.repeated: list[tuple[Location, int, int]] = []
        self.open: list[int] = []

    @property
    def now(self) -> _Token:
        return self.tokens[self.at]

    def sees(self, mark: str) -> bool:
        return self.now.kind == "mark" and self.now.text == mark

    def take(self, mark: str) -> None:
        if not self.sees(mark):
            raise _Stop
        self.at += 1

    def skip_newlines(self) -> None:
        while self.now.kind == "newline":
            self.at += 1

    def document(self) -> None:
        while self.now.kind != "end":
            if self.now.kind == "newline":
                self.at += 1
            elif self.sees("["):
                self.header()
            else:
                self.pair(self.table, 0)

    def header(self) -> None:
        line = self.now.line
        self.take("[")
        several = self.sees("[")
        if several:
            self.take("[")
        location: Location = ()
        parts = self.key()
        for position, part in enumerate(parts):
            location += (part,)
            last = position == len(parts) - 1
            if last and several:
                self.first.setdefault(location, line)
                self.elements[location] = self.elements.get(location, 0) + 1
            if location in self.elements:
                location += (self.elements[location] - 1,)
            self.first.setdefault(location, line)
        self.take("]")
        if several:
            self.take("]")
        self.once(location, line)
        self.table = location

    def once(self, location: Location, line: int) -> None:
        if location in self.given:
            self.repeated.append((location, self.first[location], line))
        self.given.add(location)

    def key(self) -> list[str]:
        parts = [self.part()]
        while self.sees("."):
            self.at += 1
            parts.append(self.part())
            if len(parts) > DEEPEST:
                raise InputError(f"{self.name}:{self.now.line}: a key of more than {DEEPEST} parts")
        return parts

    def part(self) -> str:
        token = self.now
        if token.kind == "word":
            self.at += 1
            return token.text
        if token.kind != "string" or token.text.startswith(('"""', "'''")):
            raise _Stop
        self.at += 1
        try:
            return str(tomli.loads(f"key = {token.text}")["key"])
        except tomli.TOMLDecodeError as error:
            raise _Stop from error

    def pair(self, table: Location, depth: int) -> None:
        line = self.now.line
        location = table
        for part in self.key():
            location += (part,)
            self.first.setdefault(location, line)
        self.take("=")
        self.once(location, line)
        self.value(location, depth)

    def value(self, location: Location, depth: int) -> None:
        if depth > DEEPEST:
            raise InputError(f"{self.name}:{self.now.line}: more than {DEEPEST} brackets within brackets")
        if self.sees("[") or self.sees("{"):
            self.open.append(self.now.line)
            (self.array if self.sees("[") else self.inline)(location, depth + 1)
            self.open.pop()
            return
        start = self.at
        while self.now.kind in {"word", "string"} or self.sees("."):
            self.at += 1
        if self.at == start:
            raise _Stop

    def array(self, location: Location, depth: int) -> None:
        self.take("[")
        self.skip_newlines()
        index = 0
        while not self.sees("]"):
            element = (*location, index)
            self.first.setdefault(element, self.now.line)
            self.value(element, depth)
            self.skip_newlines()
            if not self.sees("]"):
                self.take(",")
                self.skip_newlines()
            index += 1
        self.take("]")

    def inline(self, location: Location, depth: int) -> None:
        self.take("{")
        self.skip_newlines()
        while not self.sees("}"):
            self.pair(location, depth)
            self.skip_newlines()
            if not self.sees("}"):
                self.take(",")
                self.skip_newlines()
        self.take("}")


def locate(text: str, name: str, most: int = MOST_TOKENS) -> Lines:
    """Return where the fields of `text` stand, as far as it is TOML; raises `InputError` naming `name` for absurd sizes."""
    walk = _Walk(_tokens(text, name, most), name)
    with contextlib.suppress(_Stop):
        walk.document()
    return Lines(walk.first, tuple(walk.repeated), walk.open[-1] if walk.open else 0)
