"""The journal: numbered, on disk before anything follows, and whole again after a power cut at any byte."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent import journal
from provision.agent.events import PROGRESS, RESOURCE_DONE, RUN_ENDED, RUN_STARTED, Event
from provision.agent.journal import Journal, follow, read


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "journal.jsonl")


def written(path: str, *names: str) -> bytes:
    book = Journal(path)
    for name in names:
        book.write(name, title="zwölf", text="a\nb\u2028c")
    book.close()
    return Path(path).read_bytes()


def test_events_are_numbered_timed_private_and_one_a_line(path: str) -> None:
    data = written(path, RUN_STARTED, RESOURCE_DONE, RUN_ENDED)
    found = read(path)
    assert [(event["seq"], event["event"]) for event in found] == [(1, RUN_STARTED), (2, RESOURCE_DONE), (3, RUN_ENDED)]
    assert all(event["text"] == "a\nb\u2028c" and event["time"] > 1_700_000_000 for event in found)
    assert data.count(b"\n") == 3
    assert Path(path).stat().st_mode & 0o777 == 0o600


def test_a_line_torn_at_any_byte_is_cut_off_and_the_numbers_go_on(path: str) -> None:
    data = written(path, RUN_STARTED, RESOURCE_DONE, RESOURCE_DONE)
    for cut in range(len(data) + 1):
        Path(path).write_bytes(data[:cut])
        whole = data[:cut].count(b"\n")
        assert [event["seq"] for event in read(path)] == list(range(1, whole + 1))
        book = Journal(path)
        book.write(RUN_ENDED, result="done")
        book.close()
        found = read(path)
        assert [event["seq"] for event in found] == list(range(1, whole + 2)), cut
        assert found[-1]["result"] == "done"
        assert Path(path).read_bytes().startswith(data[: data.rfind(b"\n", 0, cut) + 1])


def test_garbage_is_an_error_and_never_skipped(path: str) -> None:
    Path(path).write_bytes(b'{"seq":1}\nnot json\n{"seq":3}\n')
    with pytest.raises(ValueError, match="Expecting value"):
        read(path)


def test_all_but_progress_is_synced(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("provision.agent.journal.os.fsync", synced.append)
    book = Journal(path)
    book.write(RUN_STARTED)
    book.write(PROGRESS, fraction=0.5)
    book.write(RUN_ENDED)
    assert len(synced) == 2
    assert [event["event"] for event in read(path)] == [RUN_STARTED, PROGRESS, RUN_ENDED]


@given(steps=st.lists(st.sampled_from([0.0, 0.01, 0.1, 0.249, 0.25, 0.3, 2.0]), max_size=30))
def test_progress_is_thinned_out_and_leaves_no_gap_in_the_numbers(
    steps: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = str(tmp_path_factory.mktemp("thin") / "journal")
    now = 1_800_000_000.0
    expected, last = 0, 0.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("provision.agent.journal.time.time", lambda: now)
        book = Journal(path)
        for step in steps:
            now += step
            if now - last >= journal.PROGRESS_INTERVAL:
                expected, last = expected + 1, now
            book.write(PROGRESS)
        book.write(RESOURCE_DONE)
        book.close()
    assert [event["seq"] for event in read(path)] == list(range(1, expected + 2))


def test_names_that_are_not_utf_8_are_written_and_read(path: str) -> None:
    book = Journal(path)
    book.write(RESOURCE_DONE, title=os.fsdecode(b"/srv/\xff"))
    assert read(path)[0]["title"] == os.fsdecode(b"/srv/\xff")


def test_short_writes_lose_nothing(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr("provision.agent.journal.os.write", lambda fd, data: real(fd, bytes(data[:3])))
    written(path, RUN_STARTED)
    monkeypatch.undo()
    assert read(path)[0]["title"] == "zwölf"


# Following


def line(number: int, name: str = RESOURCE_DONE) -> bytes:
    return json.dumps({"seq": number, "event": name}).encode() + b"\n"


def numbers(path: str, *, after: int = 0, alive: Callable[[], bool], pause: Callable[[float], bool]) -> list[int]:
    return [event["seq"] for event in follow(path, after=after, alive=alive, pause=pause)]


def never(_seconds: float) -> bool:
    raise AssertionError("waited where nothing more can come")


@pytest.mark.parametrize("after", range(5))
def test_a_finished_run_is_told_from_the_wanted_event_on(path: str, after: int) -> None:
    Path(path).write_bytes(line(1) + line(2) + line(3) + line(4, RUN_ENDED))
    found = numbers(path, after=after, alive=lambda: True, pause=lambda _: False)
    assert found == list(range(after + 1, 5))


def test_events_are_told_as_they_come_even_in_pieces(path: str) -> None:
    data = line(1) + line(2) + line(3, RUN_ENDED)
    Path(path).write_bytes(b"")
    pieces = [data[start : start + 7] for start in range(0, len(data), 7)]
    waits: list[float] = []

    def pause(seconds: float) -> bool:
        waits.append(seconds)
        with Path(path).open("ab") as file:
            file.write(pieces.pop(0))
        return False

    assert numbers(path, alive=lambda: True, pause=pause) == [1, 2, 3]
    assert not pieces
    assert max(waits) <= 0.2


def test_what_a_dying_process_wrote_last_is_still_told(path: str) -> None:
    Path(path).write_bytes(line(1))
    asked = 0

    def alive() -> bool:
        nonlocal asked
        asked += 1
        if asked == 2:  # its last words are on disk before its lock is gone
            with Path(path).open("ab") as file:
                file.write(line(2) + b'{"seq": 3, "torn')
        return asked < 2

    assert numbers(path, alive=alive, pause=lambda _: False) == [1, 2]


def test_a_run_without_a_word_whose_process_is_gone_ends(path: str) -> None:
    Path(path).write_bytes(b"")
    assert numbers(path, alive=lambda: False, pause=never) == []


def test_following_stops_when_told(path: str) -> None:
    Path(path).write_bytes(line(1))
    answers = [False, False, True]
    assert numbers(path, alive=lambda: True, pause=lambda _: answers.pop(0)) == [1]
    assert answers == []


def test_waits_grow_while_nothing_comes_and_shrink_again(path: str) -> None:
    Path(path).write_bytes(b"")
    waits: list[float] = []

    def pause(seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 12:
            Path(path).write_bytes(line(1))
        return len(waits) == 14

    events: list[Event] = list(follow(path, after=0, alive=lambda: True, pause=pause))
    assert len(events) == 1
    assert waits[:12] == sorted(waits[:12])
    assert waits[11] == 0.2
    assert waits[12] == 0.01
