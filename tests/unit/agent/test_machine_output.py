from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent.output import LINES, WIDTH, Redactor, Tail
from provision.agent.progress import AptProgress, parse_status

CANARY = 'hunter2/"canary"'


def tail(text: bytes, *secrets: str, size: int = 7) -> str:
    made = Tail(Redactor(secrets))
    for start in range(0, len(text), size):
        made.feed(text[start : start + size])
    return made.text()


@given(st.text(max_size=300), st.integers(1, 50))
def test_a_secret_never_leaves_however_it_is_cut(around: str, size: int) -> None:
    text = f"{around}{CANARY}{around} {CANARY}\n{CANARY}".encode()
    assert CANARY not in tail(text, CANARY, size=size)


@pytest.mark.parametrize("form", [CANARY, "hunter2%2F%22canary%22", 'hunter2/\\"canary\\"'])
def test_secrets_are_known_in_other_spellings(form: str) -> None:
    assert tail(f"url https://u:{form}@h/".encode(), CANARY) == "url https://u:***@h/"


def test_each_line_of_a_long_secret_is_one() -> None:
    assert tail(b"x line-one y\nz line-two\n", "line-one\nline-two\n") == "x *** y\nz ***"


def test_no_part_of_a_secret_survives_at_the_end_of_an_endless_line() -> None:
    secret = "".join(chr(ord("A") + n % 26) for n in range(60))
    shown = tail((secret * 400).encode(), secret)
    assert "ABCD" not in shown


def test_the_last_lines_are_kept_and_cut() -> None:
    shown = tail(b"".join(b"%d %s\n" % (n, b"x" * 600) for n in range(100))).splitlines()
    assert len(shown) == LINES
    assert shown[-1].startswith("99 x")
    assert all(len(line) == WIDTH + 1 for line in shown)


def test_terminal_tricks_and_progress_bars_are_plain() -> None:
    assert tail(b"\x1b[31mred\x1b[0m\r 10%\r 20%\r\n\x1b]0;title\x07bell\x07\n\xff\n") == "red\n 10%\n 20%\nbell\n\ufffd"


def test_memory_is_bounded() -> None:
    made = Tail(Redactor())
    for _ in range(100):
        made.feed(b"x" * 65536)
    assert len(made._rest) <= 8192


@given(
    st.from_regex(r"[a-z0-9][a-z0-9+.-]{1,20}", fullmatch=True),
    st.sampled_from(["", ":amd64", ":all"]),
    st.floats(0, 100),
    st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=40),
)
def test_package_lines_give_their_own_fraction(package: str, architecture: str, percent: float, words: str) -> None:
    found = parse_status(f"pmstatus:{package}{architecture}:{percent:.4f}:{words}\n")
    assert found
    says, fraction = found
    assert fraction == pytest.approx(percent / 100, abs=1e-5)
    assert words.strip()[1:] in says


@given(st.text(max_size=80))
def test_anything_else_is_nothing_or_a_sane_fraction(line: str) -> None:
    for prefix in ("", "dlstatus:", "pmstatus:", "media-change:"):
        found = parse_status(prefix + line)
        assert found is None or found[1] is None or 0 <= found[1] <= 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dlstatus:1:20.5:Retrieving file 1 of 5", ("downloading", 0.205)),
        ("pmstatus:libc6:50:Unpacking libc6 (amd64)", ("unpacking libc6 (amd64)", 0.5)),
        ("pmstatus:dpkg-exec:0:Running dpkg", ("running dpkg", 0.0)),
        ("pmerror:x:30:it broke", ("failed: x: it broke", 0.3)),
        ("pmstatus:x:nan:y", None),
        ("dlstatus:1:250:z", ("downloading", 1.0)),
        ("media-change: Disc 1:/dev/sr0", ("waiting for the medium Disc 1", None)),
        ("pmconffile:x:30:'a' 'b' 1 1", None),
    ],
)
def test_lines_of_apt(line: str, expected: tuple[str, float | None] | None) -> None:
    assert parse_status(line) == expected


@given(st.integers(1, 40))
def test_progress_is_the_same_however_the_bytes_arrive(size: int) -> None:
    stream = b"".join(b"dlstatus:1:%d:x\n" % percent for percent in range(0, 101, 10)) + b"pmstatus:a:1:Unpacking a\n" * 3
    heard: list[tuple[str, float | None]] = []
    progress = AptProgress(lambda says, fraction, _done, _total: heard.append((says, fraction)))
    for start in range(0, len(stream), size):
        progress.feed(stream[start : start + size])
    assert heard == [*(("downloading", percent / 100) for percent in range(0, 101, 10)), ("unpacking a", 0.01)]


def test_steps_too_small_to_see_are_not_told() -> None:
    heard: list[float | None] = []
    progress = AptProgress(lambda _says, fraction, _done, _total: heard.append(fraction))
    progress.feed(b"".join(b"dlstatus:1:%.2f:x\n" % (n / 100) for n in range(10000)))
    assert 150 < len(heard) < 210
