"""Pip packages on top of conda's: what uv is asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.conda.driving import Machine

UV = """
import json, pathlib, sys
argv = sys.argv[1:]
def after(word): return argv[argv.index(word) + 1]
said = {"argv": argv, "limits": pathlib.Path(after("--constraints")).read_text(), "asked": pathlib.Path(argv[-1]).read_text()}
pathlib.Path(after("--output-file")).write_text(json.dumps(said))
sys.exit(2 if "broken" in said["asked"] else 0)
"""


@pytest.fixture
def uv(tmp_path: Path) -> list[str]:
    (tmp_path / "uv.py").write_text(UV)
    return [sys.executable, str(tmp_path / "uv.py"), "pip", "compile"]


def ask(machine: Machine, uv: list[str], text: str = "torch\n") -> tuple[dict[str, str], dict[str, Any]]:
    lock = machine.prefix / "provision.lock"
    more = {"source": "requirements.in", "text": text, "constraints": "cudnn<10\n", "request": "0123"}
    said = machine.run("pip", conda=str(machine.lock), lock=str(lock), argv=uv, **more)
    return said.error, json.loads(lock.read_text())


def test_what_conda_brought_is_a_constraint_and_not_in_the_lock(machine: Machine, uv: list[str]) -> None:
    machine.have("python 3.12.*", "hello", "alpha")
    error, said = ask(machine, uv)
    assert not error
    assert said["limits"] == "hello==1.1.0\ncudnn<10\n"
    assert said["asked"] == "torch\n"
    argv = said["argv"]
    assert argv[argv.index("--no-emit-package") + 1] == "hello"
    assert argv[argv.index("--python-version") + 1] == "3.12.12"
    assert argv[argv.index("--custom-compile-command") + 1] == "provision request=0123 python=3.12"


def test_without_an_environment_the_lock_tells(machine: Machine, uv: list[str]) -> None:
    machine.specs = ("python 3.12.*", "hello", "alpha")
    machine.run("solve")
    assert ask(machine, uv)[1]["limits"] == "hello==1.1.0\ncudnn<10\n"


def test_what_does_not_go_together_is_an_error(machine: Machine, uv: list[str]) -> None:
    machine.have("python 3.12.*", "hello")
    error, _ = ask(machine, uv, "broken\n")
    assert error["error"] == "uv finds no pip packages that go with the conda packages"


def test_an_environment_without_python_takes_no_pip_packages(machine: Machine, uv: list[str]) -> None:
    machine.have("alpha")
    said = machine.run("pip", conda=str(machine.lock), argv=uv, source="x", text="", constraints="", request="0")
    assert said.error["error"] == "there is no Python in the lock for the pip packages to go with"
