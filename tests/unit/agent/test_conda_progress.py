"""What our conda program prints, as the agent takes it."""

from __future__ import annotations

import json
import os
import sys

import pytest

from provision.agent.children import Children
from provision.agent.progress import CondaProgress
from provision.agent.steps import Run
from provision.errors import StepError

Shown = tuple[str, float | None, int | None, int | None]


def fed(*pieces: bytes) -> tuple[list[Shown], list[bytes], dict[str, str]]:
    shown: list[Shown] = []
    plain: list[bytes] = []
    progress = CondaProgress(lambda *each: shown.append(each), plain.append)
    for piece in pieces:
        progress.feed(piece)
    return shown, plain, progress.error


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"says": "downloading", "done": 50, "total": 200, "unit": "bytes"}, ("downloading", 0.25, 50, 200)),
        ({"says": "installing", "done": 3, "total": 4, "unit": ""}, ("installing", 0.75, None, None)),
        ({"says": "solving", "done": None, "total": None, "unit": ""}, ("solving", None, None, None)),
        ({"says": "x", "done": 5, "total": 0}, ("x", None, None, None)),
        ({"says": "x", "done": 9, "total": 4}, ("x", 1.0, None, None)),
        ({"says": "x", "done": True, "total": "many", "unit": "bytes"}, ("x", None, None, None)),
        ({"says": "x", "done": -5, "total": 4, "unit": "bytes"}, ("x", None, None, 4)),
    ],
)
def test_how_far_it_is(said: dict[str, object], shown: Shown) -> None:
    assert fed(json.dumps(said).encode() + b"\n") == ([shown], [], {})


def test_lines_come_in_pieces_and_others_pass() -> None:
    shown, plain, error = fed(
        b'{"says": "a"', b', "done": 1, "total": 2}\nplain\n[1]\n{"other": 1}\n{broken\n{"error": "e", ', b'"hint": "h"}\n'
    )
    assert shown == [("a", 0.5, None, None)]
    assert plain == [b"plain\n", b"[1]\n", b'{"other": 1}\n', b"{broken\n"]
    assert error == {"error": "e", "hint": "h"}


def run(script: str, *secrets: str) -> list[Shown]:
    shown: list[Shown] = []
    step = Run(argv=(sys.executable, "-c", script), says="working", progress="conda")
    Children(secrets).run(step, dict(os.environ), None, lambda *each: shown.append(each))
    return shown


def test_a_program_that_works() -> None:
    shown = run("""print('{"says": "installing", "done": 1, "total": 2}'); print("uv says")""")
    assert shown == [("working", None, None, None), ("installing", 0.5, None, None), ("uv says", None, None, None)]


def test_a_program_that_fails_says_why_itself() -> None:
    evidence = "x" * 2000
    said = json.dumps({"error": "the disk is full", "hint": "`df -h`", "evidence": f"s3cret {evidence}"})
    with pytest.raises(StepError) as caught:
        run(f"import sys; print('last words'); print({said!r}); sys.exit(1)", "s3cret")
    assert (caught.value.message, caught.value.hint) == ("the disk is full", "`df -h`")
    assert caught.value.evidence == f"last words\n*** {evidence}"


def test_a_program_that_is_killed_says_so() -> None:
    with pytest.raises(StepError, match="failed with exit code 3"):
        run("import sys; sys.exit(3)")
