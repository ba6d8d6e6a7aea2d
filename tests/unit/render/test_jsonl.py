"""One JSON object a line, whole, in any locale, and no traceback when the reader leaves."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from typing import Any

import pytest

from provision.catalog import notes
from provision.errors import Exit, InputError, UnreachableError
from provision.facts import model as facts_model
from provision.plan import model as plan_model
from provision.render.jsonl import JsonUi
from tests import render_samples as samples


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_whole_run() -> None:
    stream = io.StringIO()
    ui = JsonUi(stream, yes=True)
    ui.connecting("prometheus", "connecting")
    ui.facts("prometheus", samples.facts())
    ui.plan("prometheus", samples.facts(), samples.full_plan(), samples.notes())
    assert ui.confirm({"prometheus": samples.full_plan()})
    for event in samples.good_run():
        ui.event("prometheus", event)
    ui.verdicts("prometheus", samples.small_plan(), samples.verdicts())
    ui.verdicts("prometheus", None, ())
    ui.note("prometheus", "lock written")
    ui.failed("atlas", UnreachableError("no route", hint="look", evidence="ssh said so"))
    ui.end(Exit.UNREACHABLE)
    found = lines(stream)
    assert all(line["schema"] == 1 for line in found)
    kinds = [line["type"] for line in found]
    assert kinds == ["facts", "plan", *["event"] * len(samples.good_run()), "verdicts", "verdicts", "note", "error", "end"]
    assert facts_model.load(found[0]["facts"]) == samples.facts()
    assert plan_model.load(found[1]["plan"]) == samples.full_plan()
    assert notes.load(found[1]["notes"]) == samples.notes()
    assert found[1]["notes"][0]["stops"] == "python3 (pid 4242, me) holds the GPU"
    assert [line["event"] for line in found if line["type"] == "event"] == samples.good_run()
    assert [line["drift"] for line in found if line["type"] == "verdicts"] == [2, None]
    assert found[-2] == {
        "schema": 1,
        "host": "atlas",
        "type": "error",
        "error": {"exit": 4, "message": "no route", "hint": "look", "evidence": "ssh said so"},
    }
    assert found[-1] == {"schema": 1, "host": "", "type": "end", "exit": 4}
    assert stream.getvalue().isascii()


def test_it_never_asks() -> None:
    with pytest.raises(InputError) as caught:
        JsonUi(io.StringIO()).confirm({"prometheus": samples.full_plan()})
    assert caught.value.hint == "add `--yes`"
    assert JsonUi(io.StringIO()).confirm({"prometheus": samples.empty_plan()})


class Gone(io.StringIO):
    """A pipe whose reader went away."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_is_gone_is_asked_once() -> None:
    stream = Gone()
    ui = JsonUi(stream)
    ui.note("x", "one")
    stream.write = None  # type: ignore[method-assign,assignment]  # a second write would be a TypeError
    ui.note("x", "two")
    assert stream.getvalue() == ""


class Slow(io.StringIO):
    """A stream that gives other threads a turn in the middle of a line."""

    def write(self, text: str) -> int:
        for piece in (text[:5], text[5:]):
            super().write(piece)
            threading.Event().wait(0.0005)
        return len(text)


def test_lines_of_several_threads_stay_whole() -> None:
    stream = Slow()
    ui = JsonUi(stream)

    def talk() -> None:
        for _ in range(20):
            ui.note("x", "y" * 50)

    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(stream)) == 80


def test_a_reader_that_takes_one_line() -> None:
    code = (
        "import sys\n"
        "from provision.render.jsonl import JsonUi\n"
        "ui = JsonUi(sys.stdout)\n"
        "for number in range(20000): ui.note('x', 'y' * 100)\n"
        "print('and whoever else prints')\n"
        "print('still here', file=sys.stderr)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert json.loads(child.stdout.readline())["type"] == "note"
        child.stdout.close()
        assert child.stderr.read() == "still here\n"
        assert child.wait(20) == 0
