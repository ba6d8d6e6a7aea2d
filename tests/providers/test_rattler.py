"""rattler: every prior state of its directory."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from provision.agent.steps import RemoveTree, Run
from provision.errors import InputError, ProvisionError, StepError
from provision.resources import Rattler
from tests.converge import converge, plan
from tests.fake_host import FakeHost

WANT = Rattler(version="0.28.0", hashes=("a" * 64,), settings=(("PIP_INDEX_URL", "https://mirror.test/simple"),))
DIRECTORY = "/opt/provision/rattler-0.28.0"


def library(python: str = "3.11") -> str:
    return f"{DIRECTORY}/lib/python{python}/site-packages/rattler/rattler.abi3.so"


def machine(*, pip: int = 0, python: str = "3.11") -> FakeHost:
    host = FakeHost()
    host.put_link("/usr/bin/python3", f"python{python}")

    def venv(_step: Run, host: FakeHost) -> int:
        host.put_link(f"{DIRECTORY}/bin/python", "/usr/bin/python3")
        return 0

    def install(_step: Run, host: FakeHost) -> int:
        if not pip:
            host.put_file(library(str(host.readlink("/usr/bin/python3")).removeprefix("python")), b"\x7fELF", mode=0o755)
        return pip

    host.on(("/usr/bin/python3", "-m", "venv", DIRECTORY), venv)
    host.on((f"{DIRECTORY}/bin/python", "-m", "pip"), install)
    return host


def test_absent_is_made_with_pip_bound_to_the_hash() -> None:
    host = machine()
    diff, steps = converge(WANT, host)
    assert [(change.field, change.before, change.after) for change in diff.changes] == [("rattler", "absent", "0.28.0")]
    pip = [step for step in steps if isinstance(step, Run)][1]
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(pip.argv)
    assert pip.environment == WANT.settings
    assert host.text(f"{DIRECTORY}/requirements.txt") == f"py-rattler==0.28.0 --hash=sha256:{'a' * 64}\n"
    assert plan(WANT, host).why == f"rattler 0.28.0 is in {DIRECTORY}"
    assert f"{DIRECTORY}/bin/python" == WANT.python


def test_a_killed_install_is_made_anew() -> None:
    host = machine(pip=1)
    with pytest.raises(StepError):
        converge(WANT, host)
    assert plan(WANT, host).changes[0].before == "half-made"
    host.on((f"{DIRECTORY}/bin/python", "-m", "pip"), machine().handler((f"{DIRECTORY}/bin/python", "-m", "pip")))
    _, steps = converge(WANT, host)
    assert isinstance(steps[0], RemoveTree)


@pytest.mark.parametrize("spoil", ["no library", "empty", "no python", "no record", "other record"])
def test_what_is_not_whole_is_half_made(spoil: str) -> None:
    host = machine()
    converge(WANT, host)
    if spoil == "no library":
        host.tree.drop(library())
    if spoil == "empty":
        host.put_file(library())
    if spoil == "no python":
        host.tree.drop(f"{DIRECTORY}/bin/python")
    if spoil == "no record":
        host.tree.drop(f"{DIRECTORY}/provision.json")
    if spoil == "other record":
        host.put_file(f"{DIRECTORY}/provision.json", b'{"schema": 1, "rattler": "0.27.0", "hashes": []}\n')
    assert plan(WANT, host).changes[0].before == "half-made"
    converge(WANT, host)


def test_after_an_upgrade_of_the_machines_python_it_is_made_anew() -> None:
    host = machine()
    converge(WANT, host)
    host.put_link("/usr/bin/python3", "python3.13")
    assert plan(WANT, host).changes[0].before == "half-made"
    converge(WANT, host)
    assert host.tree.get(library("3.13"))


@pytest.mark.parametrize("kind", ["file", "link"])
def test_something_else_in_its_place_is_left_alone(kind: str) -> None:
    host = machine()
    if kind == "file":
        host.put_file(DIRECTORY, b"mine")
    else:
        host.put_link(DIRECTORY, "/home")
    with pytest.raises(ProvisionError, match=f"is a {kind}, where rattler is to be"):
        plan(WANT, host)


@pytest.mark.parametrize(
    "wrong", [{"version": "../x"}, {"hashes": ("x",)}, {"settings": (("A", "https://me:secret@mirror.test"),)}]
)
def test_bad_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        dataclasses.replace(WANT, **wrong)
