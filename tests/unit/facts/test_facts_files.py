"""How the collectors read files: what is missing, strange or hostile is empty, never an error and never a wait."""

from __future__ import annotations

import os
import shlex
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent.facts.assignments import assignments
from provision.agent.facts.tree import Tree, clean, number
from tests.unit.facts.recorded import Link, record


def test_what_is_no_regular_file_reads_as_empty(tmp_path: Path) -> None:
    tree = record(tmp_path, {"/dir/file": "x\n", "/loop": Link("loop"), "/zero": Link("/dev/zero"), "/gone": Link("nowhere")})
    os.mkfifo(tmp_path / "fifo")
    for path in ("/dir", "/loop", "/zero", "/gone", "/fifo", "/absent", "/dir/file/below"):
        assert tree.text(path) == ""
        assert tree.number(path) == 0
    assert tree.names("/dir") == ["file"]
    assert tree.names("/dir/file") == []
    assert tree.link("/gone") == "nowhere"
    assert tree.link("/dir") == ""


def test_a_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    tree = record(tmp_path, {"/big": b"a" * 200_000})
    assert len(tree.bytes("/big")) == 200_000
    assert len(tree.bytes("/big", 100_000)) == 100_000


def test_text_is_safe_to_show() -> None:
    assert clean(b"a\x1b[31mb\x00\x7f\tc\r\nd\xff") == "a[31mb\tc\nd�"


def test_numbers() -> None:
    assert [number(text) for text in (" 12 ", "", "x", "1.5", "9" * 5000)] == [12, 0, 0, 0, 0]
    assert number("0x1043", 16) == 0x1043


@pytest.fixture
def home(tmp_path: Path) -> Tree:
    tree = record(
        tmp_path,
        {
            "/home/me/.config/pip/pip.conf": "mine",
            "/secret/pip/pip.conf": "not mine",
            "/home/a/.config": Link("../../secret"),
            "/home/b/.config/pip/pip.conf": Link("../../../../secret/pip/pip.conf"),
        },
    )
    (tmp_path / "home/c/.config/pip").mkdir(parents=True)
    os.mkfifo(tmp_path / "home/c/.config/pip/pip.conf")
    return tree


@pytest.mark.parametrize(("who", "safe", "trusting"), [("me", "mine", "mine"), ("a", "", "not mine"), ("b", "", "not mine")])
def test_no_link_in_a_home_leads_root_elsewhere(home: Tree, who: str, safe: str, trusting: str) -> None:
    assert home.home_text(f"/home/{who}", ".config/pip/pip.conf", trusted=False) == safe
    assert home.home_text(f"/home/{who}", ".config/pip/pip.conf", trusted=True) == trusting


def test_a_fifo_in_a_home_does_not_hold_us(home: Tree) -> None:
    assert home.home_text("/home/c", ".config/pip/pip.conf", trusted=False) == ""
    assert home.home_text("/home/nobody", ".config/pip/pip.conf", trusted=False) == ""


def test_reading_a_home_leaves_no_descriptor_open(home: Tree) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count
    for who in ("me", "a", "b", "c", "nobody"):
        home.home_text(f"/home/{who}", ".config/pip/pip.conf", trusted=False)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - a count


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=plain", "plain"),
        ("A='single \"quoted\"'", 'single "quoted"'),
        (r'A="a \"b\" \$c \\ \n"', r'a "b" $c \ \n'),
        ("export A=x", "x"),
        ("A=0 # the first", "0"),
        ('A="a # b" # c', "a # b"),
        ("A='unfinished", "unfinished"),
        ("A=Ubuntu, with Linux 6.8", "Ubuntu, with Linux 6.8"),
        ("A=", ""),
        ("A=1\nA=2", "2"),
    ],
)
def test_assignments(line: str, value: str) -> None:
    assert assignments(f"# comment\n\ngarbage\n=x\n{line}\n")["A"] == value


@given(st.dictionaries(st.sampled_from(["ID", "NAME", "X_1"]), st.text(string.printable.replace("\n", "").replace("\r", ""))))
def test_what_a_shell_would_quote_is_read_back(values: dict[str, str]) -> None:
    values = {name: value.replace("'", "").replace("\x0b", "").replace("\x0c", "") for name, value in values.items()}
    text = "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())
    assert assignments(text) == values


@given(st.text())
def test_garbage_never_raises(text: str) -> None:
    assert all(isinstance(value, str) for value in assignments(text).values())


@given(st.text(st.sampled_from('ab "$`\\#='), max_size=12))
def test_double_quotes_are_read_as_a_shell_reads_them(value: str) -> None:
    quoted = '"' + "".join(f"\\{character}" if character in '"\\$`' else character for character in value) + '"'
    assert assignments(f"A={quoted}") == {"A": value}
