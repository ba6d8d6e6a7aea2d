"""Programs that facts ask: only on the running machine, only those that look, and never for long."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from provision.agent.facts import asking
from provision.agent.facts.asking import ask
from provision.agent.facts.tree import Tree


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called like one that only looks, where it alone is found."""
    monkeypatch.setattr(asking, "PATH", f"{tmp_path}:/usr/bin:/bin")
    path = tmp_path / "nvidia-smi"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def says(program: Path, script: str, *, seconds: float = 20) -> str:
    program.write_text(f"#!/bin/sh\n{script}\n")
    return ask(Tree(), ("nvidia-smi", "-q"), seconds=seconds)()


def test_what_is_printed(program: Path) -> None:
    assert says(program, "echo Persistence: $#; echo oops >&2") == "Persistence: 1\n"


def test_a_program_that_fails_has_said_nothing(program: Path) -> None:
    assert says(program, "echo half; exit 9") == ""


def test_its_environment_is_ours(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/evil")
    assert says(program, "env | cut -d= -f1 | sort | tr '\\n' ' '; cat").split() == ["HOME", "LANG", "LC_ALL", "PATH", "PWD"]


def test_more_than_anybody_reads(program: Path) -> None:
    assert len(says(program, "head -c 3000000 /dev/zero | tr '\\0' a")) == 1 << 20


def test_one_that_hangs_is_killed(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    spawn = os.posix_spawn

    def watched(*args: Any, **more: Any) -> int:  # noqa: ANN401 - whatever it takes
        started.append(spawn(*args, **more))
        return started[-1]

    monkeypatch.setattr(os, "posix_spawn", watched)
    assert says(program, "echo begun; exec sleep 60", seconds=0.2) == ""
    with contextlib.suppress(ChildProcessError):  # it is reaped already
        assert os.WTERMSIG(os.waitpid(started[0], 0)[1]) == signal.SIGKILL


def test_one_that_closes_its_output_and_stays(program: Path) -> None:
    assert says(program, "echo said; exec >&-; exec sleep 60", seconds=0.2) == ""


def test_it_works_while_we_do(program: Path, tmp_path: Path) -> None:
    program.write_text(f"#!/bin/sh\necho done > {tmp_path}/mark\necho answer\n")
    answer = ask(Tree(), ("nvidia-smi", "-q"), seconds=20)
    while not (tmp_path / "mark").exists():
        time.sleep(0.01)
    assert answer() == "answer\n"


def test_what_is_not_asked(program: Path, tmp_path: Path) -> None:
    program.write_text("#!/bin/sh\necho asked\n")
    assert ask(Tree(str(tmp_path)), ("nvidia-smi", "-q"), seconds=1)() == ""
    assert ask(Tree(), ("nvidia-smi", "--gpu-reset"), seconds=1)() == ""
    assert ask(Tree(), ("nvidia-smi-of-nobody", "-q"), seconds=1)() == ""


def test_a_program_that_cannot_be_started(program: Path) -> None:
    before = descriptors()
    program.write_text("#!/nowhere/at/all\n")
    assert ask(Tree(), ("nvidia-smi", "-q"), seconds=1)() == ""
    assert descriptors() == before
