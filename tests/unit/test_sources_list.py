"""Both formats of apt's sources."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent.sources_list import Origin, origins, parse, stanzas
from tests.fake_host import FakeHost

LIST, SOURCES = "/etc/apt/sources.list.d/x.list", "/etc/apt/sources.list.d/x.sources"


def found(path: str, text: str) -> list[tuple[str, str, str]]:
    return [(each.uri, each.suite, each.signed_by) for each in parse(path, text)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("deb http://mirror.test/debian stable main", [("http://mirror.test/debian", "stable", "")]),
        ("  deb-src   http://mirror.test/debian\tstable main # x", [("http://mirror.test/debian", "stable", "")]),
        ("deb [arch=amd64 signed-by=/k.asc] http://mirror.test/d ./", [("http://mirror.test/d", "./", "/k.asc")]),
        ("deb [ signed-by=/k.asc ] http://mirror.test/d s main", [("http://mirror.test/d", "s", "/k.asc")]),
        ("deb [] http://mirror.test/d s", [("http://mirror.test/d", "s", "")]),
        ("# deb http://mirror.test/debian stable main", []),
        ("debian http://mirror.test/debian stable main", []),
        ("deb http://mirror.test/debian", []),
        ("", []),
    ],
)
def test_one_line_sources(line: str, expected: list[tuple[str, str, str]]) -> None:
    assert found(LIST, f"{line}\n") == expected


def test_deb822_sources() -> None:
    text = """# ours
Types: deb deb-src
URIs: http://a.test/d
 http://b.test/d
Suites: s t
Components: main
signed-by: /k.asc

Enabled: no
Types: deb
URIs: http://c.test
Suites: s
\t
Types: deb
URIs: http://e.test
# a comment inside
Suites: s/
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEawJ
"""
    assert found(SOURCES, text) == [
        ("http://a.test/d", "s", "/k.asc"),
        ("http://a.test/d", "t", "/k.asc"),
        ("http://b.test/d", "s", "/k.asc"),
        ("http://b.test/d", "t", "/k.asc"),
        ("http://e.test", "s/", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n.\nmDMEawJ"),
    ]


def test_the_machines_sources_in_apts_order() -> None:
    host = FakeHost()
    assert origins(host) == ()
    for name, uri in (("sources.list.d/b.list", "b"), ("sources.list.d/a.list.save", "no"), ("sources.list", "m")):
        host.put_file(f"/etc/apt/{name}", f"deb http://{uri}.test s main\n".encode())
    host.put_file("/etc/apt/sources.list.d/a.sources", b"Types: deb\nURIs: http://a.test\nSuites: s\n")
    host.put_directory("/etc/apt/sources.list.d/c.list")
    assert [each.uri for each in origins(host)] == ["http://m.test", "http://a.test", "http://b.test"]


def test_a_slash_at_the_end_makes_no_other_place() -> None:
    origin = Origin(file=LIST, uri="http://a.test/d/", suite="s")
    assert origin.same_place("http://a.test/d", "s")
    assert not origin.same_place("http://a.test/d", "t")


word = st.text("abcdefghijklmnopqrstuvwxyz0123456789./:+-_~", min_size=1, max_size=12)
value = st.lists(word, min_size=1, max_size=4)


@given(st.lists(st.dictionaries(st.text("abcdefgh-", min_size=1, max_size=8), value, min_size=1, max_size=5), max_size=4))
def test_rendered_stanzas_are_read_back(wanted: list[dict[str, list[str]]]) -> None:
    text = "\n".join("".join(f"{name.upper()}: {' '.join(words)}\n" for name, words in each.items()) for each in wanted)
    assert list(stanzas(text)) == [{name: " ".join(words) for name, words in each.items()} for each in wanted]


@given(st.text(), st.sampled_from([LIST, SOURCES]))
def test_anything_is_read_without_an_error(text: str, path: str) -> None:
    assert all(each.uri and each.suite for each in parse(path, text))
