"""Each field's line is found, whatever stands around it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.errors import InputError
from provision.profile.document import parse
from provision.profile.lines import Location, locate

KEYS = ["name", "x-y", "port", "q.r", "a b", "1", "", "ü", '"', "#"]
SCALARS: list[tuple[str, Any]] = [
    ("1", 1),
    ("-2.5", -2.5),
    ("true", True),
    ("1979-05-27 07:32:00", None),
    ('"plain"', "plain"),
    ('"# [machine] \\" = "', '# [machine] " = '),
    ("'[a]\\'", "[a]\\"),
    ('"""\n[machine]\nname = 1\n# "" \\""" \n"""', '[machine]\nname = 1\n# "" """ \n'),
    ("'''\n[[name]]\n'' port = ]\n'''", "[[name]]\n'' port = ]\n"),
    ('""', ""),
    ("''''''", ""),
    ('"""a"""""', 'a""'),
]


class Page:
    """A TOML text that grows, and the line on which each field was written."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.expected: dict[Location, int] = {}

    def flip(self) -> bool:
        return self.draw(st.booleans())

    @property
    def line(self) -> int:
        return self.text.count("\n") + 1

    def noise(self) -> None:
        self.text += self.draw(st.sampled_from(["", "", "\n", "# port = 1\n", "  \t\n\n", "# [x\n# '''\n"]))

    def end(self) -> None:
        self.text += self.draw(st.sampled_from(["\n", " # port = 2 ]\n", "\t\n", "\r\n"]))

    def key(self, key: str) -> str:
        bare = key.replace("-", "").isascii() and key.replace("-", "").isalnum()
        return key if bare and self.flip() else json.dumps(key, ensure_ascii=False)

    def keys(self) -> list[str]:
        return self.draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))

    def pair(self, table: Location, key: str, depth: int = 0) -> None:
        location = (*table, key)
        self.expected[location] = self.line
        self.text += f"{self.key(key)}{self.draw(st.sampled_from([' ', '']))}= "
        self.value(location, depth)

    def value(self, location: Location, depth: int) -> None:
        kind = self.draw(st.sampled_from(["scalar", "scalar", "array", "inline"])) if depth < 3 else "scalar"
        if kind == "scalar":
            self.text += self.draw(st.sampled_from(SCALARS))[0]
        elif kind == "array":
            self.array(location, depth + 1)
        else:
            self.text += "{ "
            for index, key in enumerate(self.keys()):
                self.text += ", " if index else ""
                self.pair(location, key, depth + 1)
            self.text += " }"

    def array(self, location: Location, depth: int) -> None:
        self.text += "["
        for index in range(self.draw(st.integers(0, 3))):
            self.text += "," if index else ""
            if self.flip():
                self.end()
                self.noise()
            element = (*location, index)
            self.expected[element] = self.line
            self.value(element, depth)
        if self.flip():
            self.text += " # ]\n"
        self.text += "]"

    def table(self, header: str, location: Location) -> None:
        self.noise()
        self.expected[location] = self.line
        self.text += header
        self.end()
        for key in self.keys() if self.flip() else []:
            self.noise()
            self.pair(location, key)
            self.end()


@st.composite
def pages(draw: st.DrawFn) -> Page:
    page = Page(draw)
    for number in range(draw(st.integers(0, 2))):
        page.noise()
        page.pair((), f"top{number}")
        page.end()
    for number in range(draw(st.integers(0, 2))):
        page.table(f"[table{number}]", (f"table{number}",))
        if page.flip():
            page.table(f"[ table{number} . 'sub.t' ]", (f"table{number}", "sub.t"))
    for number in range(draw(st.integers(0, 3))):
        page.table("[[several]]", ("several", number))
        for inner in range(draw(st.integers(0, 2))):
            page.table("[[several.inner]]", ("several", number, "inner", inner))
        if page.flip():
            page.table("[several.one]", ("several", number, "one"))
    return page


def at(data: Any, location: Location) -> Any:  # noqa: ANN401 - any TOML value
    for part in location:
        data = data[part]
    return data


@settings(max_examples=150, deadline=None)
@given(pages())
def test_every_field_is_found_on_its_line(page: Page) -> None:
    data = tomli.loads(page.text)
    lines = locate(page.text, "F")
    for location, line in page.expected.items():
        at(data, location)  # the page and the parser agree that it is there
        assert lines.line(*location) == line, location
    assert not lines.open
    assert not lines.repeated


@settings(max_examples=100, deadline=None)
@given(pages())
def test_nothing_is_found_that_is_not_there(page: Page) -> None:
    data = tomli.loads(page.text)
    for location in locate(page.text, "F").first:
        at(data, location)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="[]{}=,.\"'#ab1 \n\\\r\t", max_size=60))
def test_any_text_is_a_document_or_a_mistake(text: str) -> None:
    with contextlib.suppress(InputError):
        document = parse(text, "F")
        assert set(document.data) == {path[0] for path in document.lines.first}


def test_dotted_keys_and_headers_meet() -> None:
    lines = locate("a.b.c = 1\na.d = 2\n[t.u]\nx = 1\n[t]\ny = 2\n", "F")
    assert [lines.line(*path) for path in (("a",), ("a", "b", "c"), ("a", "d"), ("t",), ("t", "u", "x"), ("t", "y"))] == [
        1,
        1,
        2,
        3,
        4,
        6,
    ]


def test_what_is_not_there_has_the_line_of_the_table_around_it() -> None:
    lines = locate("\n[[environment]]\npython = '3.12'\n", "F")
    assert lines.line("environment", 0, "name") == 2
    assert lines.line("environment", 0, "python", 4) == 3
    assert lines.line("machine", "user") == 0


def test_where_names_the_file_alone_for_what_is_not_there() -> None:
    document = parse("[machine]\n", "F.toml")
    assert document.where("machine", "user") == "F.toml:1"
    assert document.where("ssh") == "F.toml"
