"""Marked lines: every wanted state over every prior one, and all other bytes as they were."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provision.agent.provider import Pending
from provision.agent.steps import Write
from provision.errors import InputError, ProvisionError, StepError
from provision.plan.model import Status
from provision.resources import File, Line, Packages
from tests.converge import converge, outcome, plan
from tests.fake_host import FakeHost
from tests.prior import PRIORS, machine, put

PATH = "/etc/app/rc"
BLOCK = b"# BEGIN provision: it\none\ntwo\n# END provision: it\n"
OLD_BLOCK = b"# BEGIN provision: it\nold\n# END provision: it\n"

WANTED = {
    "present": Line(path=PATH, name="it", lines=("one", "two")),
    "create": Line(path=PATH, name="it", lines=("one", "two"), create=True),
    "absent": Line(path=PATH, name="it", absent=True),
}
NO_FILE = f"! `{PATH}` is missing, so `it` has no file to be in"
HALF = f"! `{PATH}` does not hold one whole block `it`: it "
BLOCKED = f"! cannot make `{PATH}`: `/etc/app` is there and is no directory"

# The bytes before, what is said of `present`, and of `absent`.
CONTENTS: dict[str, tuple[bytes, str, str]] = {
    "right": (b"a\n" + BLOCK + b"b\n", "", "a\nb\n"),
    "only the block": (BLOCK, "", ""),
    "other lines": (b"a\n" + OLD_BLOCK + b"b\n", "a\n" + BLOCK.decode() + "b\n", "a\nb\n"),
    "no lines": (b"# BEGIN provision: it\n# END provision: it\n", BLOCK.decode(), ""),
    "block in CRLF": (BLOCK.replace(b"\n", b"\r\n"), BLOCK.decode(), ""),
    "block at the very end": (b"a\n" + BLOCK[:-1], "a\n" + BLOCK.decode(), "a\n"),
    "added line end": (
        b"a\n" + BLOCK.replace(b": it\none", b": it (newline above)\none"),
        "",
        "a",
    ),
    "added line end, now in the middle": (
        b"a\n" + BLOCK.replace(b": it\none", b": it (newline above)\none") + b"b\n",
        "",
        "a\nb\n",
    ),
    "empty": (b"", BLOCK.decode(), "-"),
    "none of ours": (b"a\n", "a\n" + BLOCK.decode(), "-"),
    "CRLF": (b"a\r\n", "a\r\n" + BLOCK.decode(), "-"),
    "no line end": (b"a", "a\n" + BLOCK.decode().replace(": it\none", ": it (newline above)\none"), "-"),
    "NUL": (b"\0\n", "\0\n" + BLOCK.decode(), "-"),
    "another block": (
        b"# BEGIN provision: it2\n# END provision: it2\n",
        "# BEGIN provision: it2\n# END provision: it2\n" + BLOCK.decode(),
        "-",
    ),
    "marker in a line": (b"x # BEGIN provision: it\n", "x # BEGIN provision: it\n" + BLOCK.decode(), "-"),
    "begin only": (b"a\n# BEGIN provision: it\nx\n", HALF + "begins on line 2", HALF + "begins on line 2"),
    "end only": (b"# END provision: it\n", HALF + "ends on line 1", HALF + "ends on line 1"),
    "turned round": (b"# END provision: it\n# BEGIN provision: it\n", HALF + "ends on line 1, begins on line 2", ""),
    "twice": (BLOCK + BLOCK, HALF + "begins on line 1, ends on line 4, begins on line 5, ends on line 8", ""),
    "begun twice": (b"# BEGIN provision: it\n" + BLOCK, HALF + "begins on line 1, begins on line 2, ends on line 5", ""),
}


@pytest.mark.parametrize("wanted", ["present", "create"])
@pytest.mark.parametrize("prior", CONTENTS)
def test_present_over_every_content(wanted: str, prior: str) -> None:
    content, expected, _ = CONTENTS[prior]
    host = machine()
    host.put_file(PATH, content, 0o640, "me", "other")
    said = outcome(WANTED[wanted], host)
    if expected.startswith("!"):
        assert said == expected
    elif expected == "":
        assert said == "= the lines are there"
    else:
        assert said == "~ lines > Write"
        assert host.text(PATH) == expected
    node = host.tree.get(PATH)
    assert node is not None
    assert (node.mode, node.owner, node.group) == (0o640, "me", "other")


@pytest.mark.parametrize("prior", CONTENTS)
def test_absent_over_every_content(prior: str) -> None:
    content, present, expected = CONTENTS[prior]
    host = machine()
    host.put_file(PATH, content, 0o640, "me", "other")
    said = outcome(WANTED["absent"], host)
    if present.startswith("!"):
        assert said == present
    elif expected == "-":
        assert said == "= already absent"
    else:
        assert said == "~ lines > Write"
        assert host.text(PATH) == expected


KINDS = {
    "directory": f"! `{PATH}` is a directory, not a file",
    "full directory": f"! `{PATH}` is a directory, not a file",
    "fifo": f"! `{PATH}` is a FIFO, socket or device, not a file",
    "link": f"! `{PATH}` is a link to /mnt/target, and is never followed",
    "directory link": f"! `{PATH}` is a link to /mnt/real, and is never followed",
    "dangling link": f"! `{PATH}` is a link to /mnt/nowhere, and is never followed",
    "unreadable": f"! cannot read `{PATH}`: permission denied",
    "unsearchable parent": f"! cannot read `{PATH}`: permission denied",
}
NO_FILES = ("absent", "parents missing", "parent is a link", "parent is a file", "parent is a dangling link")
MISSING = {
    "present": {**dict.fromkeys(NO_FILES[:3], NO_FILE), **dict.fromkeys(NO_FILES[3:], BLOCKED)},
    "create": {
        "absent": "~ file lines > Write",
        "parents missing": "~ parent file lines > MakeDirectory Write",
        "parent is a link": "~ file lines > Write",
        **dict.fromkeys(NO_FILES[3:], BLOCKED),
    },
    "absent": dict.fromkeys(NO_FILES, "= already absent: there is no such file"),
}


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("prior", sorted(set(PRIORS) - {"file"}))
def test_every_wanted_over_every_kind_of_thing(wanted: str, prior: str) -> None:
    host = machine()
    put(prior, PATH, host)
    assert outcome(WANTED[wanted], host) == {**KINDS, **MISSING[wanted]}[prior]
    if MISSING[wanted].get(prior, "").startswith("~"):
        node = host.tree.get(PATH)
        assert node is not None
        assert (node.data, node.mode, node.owner, node.group) == (BLOCK, 0o644, "root", "root")


SPANS = st.lists(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"\0", b"#", b" ", b"a", b"\xff", b"# BEGIN provision: it", b"# END"]), max_size=8
)
LINES = st.lists(st.text(st.characters(blacklist_characters="\n\0", blacklist_categories=["Cs"])), max_size=3)
CONTENT = st.one_of(st.binary(max_size=60), SPANS.map(b"".join)).filter(
    # A line that is our marker is a block, or half of one.
    lambda content: not re.search(rb"^# (BEGIN|END) provision: it", content, re.MULTILINE)
)


@given(content=CONTENT, lines=LINES, later=LINES)
@example(content=b"", lines=[], later=[""])
@example(content=b"a\r", lines=["\r"], later=[])
def test_apply_change_and_absent_give_back_every_byte(content: bytes, lines: list[str], later: list[str]) -> None:
    host = FakeHost()
    host.put_file(PATH, content)
    for wanted in (lines, later):
        converge(Line(path=PATH, name="it", lines=tuple(wanted)), host)
        assert host.read(PATH) != content
        assert (host.read(PATH) or b"").startswith(content)
    converge(Line(path=PATH, name="it", absent=True), host)
    assert host.read(PATH) == content


@given(st.binary(max_size=40))
def test_two_blocks_go_in_turn(content: bytes) -> None:
    host = FakeHost()
    host.put_file(PATH, content)
    for name in ("it", "it2"):
        converge(Line(path=PATH, name=name, lines=(name,)), host)
    for name in ("it2", "it"):
        converge(Line(path=PATH, name=name, absent=True), host)
    assert host.read(PATH) == content


def test_text_after_an_added_line_end_is_not_joined_to_what_was_before() -> None:
    host = machine()
    host.put_file(PATH, b"last")
    converge(WANTED["present"], host)
    host.put_file(PATH, host.text(PATH).encode() + b"theirs\n")
    converge(WANTED["absent"], host)
    assert host.text(PATH) == "last\ntheirs\n"


def test_another_comment_sign() -> None:
    host = machine()
    converge(Line(path=PATH, name="it", lines=("x=1",), comment=";", create=True), host)
    assert host.text(PATH) == "; BEGIN provision: it\nx=1\n; END provision: it\n"
    for comment in ("", "#\n", "\0"):
        with pytest.raises(InputError, match="comment sign"):
            Line(path=PATH, name="it", comment=comment)


def test_a_file_that_comes_later_is_known_after_apply() -> None:
    for resource in (File(path=PATH), Packages(names=("app",))):
        host, pending = machine(), Pending()
        pending.add(resource)
        assert plan(WANTED["present"], host, pending).status is Status.KNOWN_AFTER_APPLY


def test_the_validator_is_passed_on() -> None:
    host = machine()
    host.put_file(PATH, b"old\n")
    host.refused["visudo"] = "syntax error"
    want = Line(path=PATH, name="it", lines=("x",), validate=("visudo", "-cf", "{}"))
    with pytest.raises(StepError):
        converge(want, host)
    assert host.text(PATH) == "old\n"
    host.refused.clear()
    _, steps = converge(want, host)
    assert [step.validate for step in steps if isinstance(step, Write)] == [("visudo", "-cf", "{}")]


def test_the_diff_is_shown_unless_the_file_is_private() -> None:
    host = machine()
    host.put_file(PATH, b"a\n")
    assert "+one" in plan(WANTED["present"], host).text
    host.put_file(PATH, b"password\n", mode=0o600)
    assert plan(WANTED["present"], host).text == "content not shown: the file is private"


def test_the_error_says_what_to_do() -> None:
    host = machine()
    host.put_file(PATH, b"# BEGIN provision: it\n")
    with pytest.raises(ProvisionError) as caught:
        plan(WANTED["present"], host)
    assert caught.value.hint == f"edit `{PATH}`, remove what is left of `it` with its markers, and apply again"
