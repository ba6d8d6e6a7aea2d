"""Entries of both formats, and where their components end: what is put in there is read back, and nothing else moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent.source_entries import SourceEntry, added, entries

LIST, SOURCES = "/etc/apt/sources.list", "/etc/apt/sources.list.d/x.sources"


def found(file: str, text: str) -> list[SourceEntry]:
    return list(entries(file, text))


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("deb http://m.test/d trixie main", "deb http://m.test/d trixie main contrib"),
        (
            "  deb\t[ arch=amd64 ]  http://m.test/d\ttrixie  main  # x",
            "  deb\t[ arch=amd64 ]  http://m.test/d\ttrixie  main contrib  # x",
        ),
        ("deb http://m.test/d trixie main#contrib", "deb http://m.test/d trixie main contrib#contrib"),
        ("deb mirror+file:/etc/m.list trixie main non-free\t", "deb mirror+file:/etc/m.list trixie main non-free contrib\t"),
        ("deb-src http://m.test/d trixie main", None),
        ("# deb http://m.test/d trixie main", None),
        ("deb http://m.test/d ./", None),
        ("deb http://m.test/d trixie # main", None),
        ("deb cdrom:[Debian GNU/Linux 12]/ bookworm main", "deb cdrom:[Debian GNU/Linux 12]/ bookworm main contrib"),
        ("", None),
    ],
)
def test_one_line_entries(line: str, after: str | None) -> None:
    text = f"# first\n{line}\n# last"
    those = found(LIST, text)
    assert len(those) == (after is not None)
    if after is not None:
        assert added(text, {those[0].end: ("contrib",)}) == f"# first\n{after}\n# last"


STANZAS = """# ours
Types: deb deb-src
URIs: http://a.test/d/
 http://b.test/d
# Components: nothing
Suites: s s-updates
components:
  main  
# between
\tnon-free
Signed-By: /k.gpg

Types: deb-src
URIs: http://c.test
Suites: s
Components: main

Enabled: no
Types: deb
URIs: http://c.test
Suites: s
Components: main

Types: deb
URIs: http://e.test
Suites: ./

Components: main   
Types: deb
Suites: s
URIs: http://f.test"""  # noqa: W291 - the trailing blanks are the point


def test_stanzas() -> None:
    first, last = found(SOURCES, STANZAS)
    assert first.places == (
        ("http://a.test/d", "s"),
        ("http://a.test/d", "s-updates"),
        ("http://b.test/d", "s"),
        ("http://b.test/d", "s-updates"),
    )
    assert (first.components, first.signed_by) == (("main", "non-free"), "/k.gpg")
    assert (last.components, last.signed_by) == (("main",), "")
    edited = added(STANZAS, {first.end: ("contrib", "extra"), last.end: ("contrib",)})
    changed = [pair for pair in zip(STANZAS.split("\n"), edited.split("\n"), strict=True) if pair[0] != pair[1]]
    assert changed == [("\tnon-free", "\tnon-free contrib extra"), ("Components: main   ", "Components: main contrib   ")]


piece = st.sampled_from(
    ["deb http://m.test/d s main", "deb-src x s main", "# x", "", " ", "Types: deb", "URIs: http://m.test/d", "Suites: s",
     "Components: main", "components:", " contrib", "\tx", "Enabled: no", "#", "Ünïcode: \udcff", "deb [a=b] u s main #"],
)  # fmt: skip


@given(st.lists(piece, max_size=14).map("\n".join) | st.text(), st.sampled_from([LIST, SOURCES]))
def test_what_is_put_in_is_read_back_and_nothing_else_moves(text: str, file: str) -> None:
    before = found(file, text)
    edited = added(text, {each.end: ("extra",) for each in before})
    after = found(file, edited)
    assert [each.components for each in after] == [(*each.components, "extra") for each in before]
    assert [each.places for each in after] == [each.places for each in before]
    assert edited.replace(" extra", "") == text.replace(" extra", "")
