"""Numbers as people read them."""

from __future__ import annotations

import pytest

from provision.render.measure import about, count, duration, elapsed, size


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (999_499, "999 kB"),
        (999_600, "1.0 MB"),
        (4_500_000_000, "4.5 GB"),
        (61_000_000_000, "61 GB"),
        (999_999_999_999, "1.0 TB"),
        (5_000_000_000_000_000_000, "5000 PB"),
    ],
)
def test_size(number: int, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"), (0.04, "0.0 s"), (0.31, "0.3 s"), (9.96, "10 s"), (41.4, "41 s"), (59.6, "1 min"),
        (125.6, "2 min 6 s"), (3599.7, "1 h"), (4320, "1 h 12 min"), (7200, "2 h"),
    ],
)  # fmt: skip
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "about 5 s"), (8, "about 10 s"), (42, "about 40 s"), (54, "about 50 s"), (58, "about 1 min"),
        (540, "about 9 min"), (4700, "about 1 h 20 min"), (3600, "about 1 h"),
    ],
)  # fmt: skip
def test_about(seconds: float, text: str) -> None:
    assert about(seconds) == text


def test_count() -> None:
    assert [count(number, "change") for number in (0, 1, 2)] == ["0 changes", "1 change", "2 changes"]


@pytest.mark.parametrize(("seconds", "text"), [(-1, "0 s"), (0.9, "0 s"), (9.9, "9 s"), (10.2, "10 s"), (61, "1 min 1 s")])
def test_elapsed(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text
