"""Reading the little YAML that environments are written in: texts, lists and tables, each with its line, and nothing else.

Only the parser's events are used, so no object is ever made of what a file says. Aliases, tags and further documents are
refused: they are what makes a small file large, or more than data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from provision.errors import InputError
from provision.profile.document import shown

DEEPEST = 8
"""Lists and tables within one another."""
MOST_EVENTS = 100_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Text:
    """A scalar as it is written, whatever YAML would take it for: `3.10` stays `3.10`."""

    line: int
    text: str


@dataclass
class Items:
    """A list."""

    line: int
    items: list[Value] = field(default_factory=list)


@dataclass
class Table:
    """A table; its keys are texts, each there once."""

    line: int
    entries: dict[str, Value] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


Value = Text | Items | Table


def read_yaml(text: str, name: str) -> Value:
    """Return what the YAML `text` holds; raises `InputError` with `name` and line for anything that is not plain data."""
    tree = _Tree(name)
    try:
        for number, event in enumerate(yaml.parse(text, Loader=_LOADER)):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if number > MOST_EVENTS:
                raise InputError(f"{name}:{line}: more than {MOST_EVENTS} texts, lists and tables")
            tree.take(event, line)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"{name}:{line}: {shown(str(error.problem or 'not YAML'))}", hint="it must be YAML") from None
    except yaml.YAMLError:
        raise InputError(
            f"{name}: holds a character that YAML does not allow", hint="it may be invisible: type it anew"
        ) from None
    if tree.top is None:
        raise InputError(f"{name}: is empty")
    return tree.top


class _Tree:
    def __init__(self, name: str) -> None:
        self.name = name
        self.top: Value | None = None
        self.open: list[Items | Table] = []
        self.keys: list[Text | None] = []
        """The key that waits for its value, of each open list or table."""
        self.documents = 0

    def take(self, event: yaml.Event, line: int) -> None:
        if getattr(event, "anchor", None) is not None:
            raise InputError(f"{self.name}:{line}: has an anchor or alias (`&`, `*`)", hint="write it out")
        if getattr(event, "tag", None) is not None:
            raise InputError(f"{self.name}:{line}: has a tag (`!`)", hint="leave it out: plain texts are enough")
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise InputError(f"{self.name}:{line}: holds a second document", hint="one `---` at most, at the top")
        elif isinstance(event, yaml.ScalarEvent):
            self.put(Text(line, event.value), line)
        elif isinstance(event, yaml.CollectionStartEvent):
            self.begin(Items(line) if isinstance(event, yaml.SequenceStartEvent) else Table(line), line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.open.pop()
            self.keys.pop()

    def begin(self, value: Items | Table, line: int) -> None:
        self.put(value, line)
        self.open.append(value)
        self.keys.append(None)
        if len(self.open) > DEEPEST:
            raise InputError(f"{self.name}:{line}: more than {DEEPEST} lists and tables within one another")

    def put(self, value: Value, line: int) -> None:
        if not self.open:
            self.top = value
            return
        above, key = self.open[-1], self.keys[-1]
        if isinstance(above, Items):
            above.items.append(value)
        elif key is not None:
            above.entries[key.text] = value
            above.lines[key.text] = key.line
            self.keys[-1] = None
        elif not isinstance(value, Text):
            raise InputError(f"{self.name}:{line}: has a list or table where a key is to be")
        elif value.text in above.entries:
            first = above.lines[value.text]
            raise InputError(f"{self.name}:{line}: {shown(value.text)}: is given twice, first on line {first}")
        else:
            self.keys[-1] = value


def texts(value: Value, name: str, what: str) -> Iterator[Text]:
    """Yield the texts of a list; raises `InputError` unless it is one (nothing at all is an empty one)."""
    if value == Text(value.line, ""):
        return
    if not isinstance(value, Items):
        raise InputError(f"{name}:{value.line}: {what}: must be a list", hint="one `- …` a line")
    for item in value.items:
        if not isinstance(item, Text):
            raise InputError(f"{name}:{item.line}: {what}: must be text")
        yield item
