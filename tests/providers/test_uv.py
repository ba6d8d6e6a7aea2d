"""uv: every prior state of its directory."""

from __future__ import annotations

import dataclasses

import pytest

from provision.agent.steps import RemoveTree, Run, Step
from provision.errors import InputError, ProvisionError, StepError
from provision.resources import Uv
from tests.converge import converge, plan
from tests.fake_host import FakeHost

WANT = Uv(version="0.13.9", hashes=("a" * 64, "b" * 64), settings=(("PIP_INDEX_URL", "https://mirror.test/simple"),))
DIRECTORY = "/opt/provision/uv-0.13.9"


def machine(*, pip: int = 0) -> FakeHost:
    host = FakeHost()

    def install(_step: Run, host: FakeHost) -> int:
        if not pip:
            host.put_file(f"{DIRECTORY}/bin/uv", b"\x7fELF", mode=0o755)
        return pip

    host.on(("/usr/bin/python3", "-m", "venv", DIRECTORY), 0)
    host.on((f"{DIRECTORY}/bin/python", "-m", "pip"), install)
    return host


def programs(steps: tuple[Step, ...]) -> list[Run]:
    return [step for step in steps if isinstance(step, Run)]


def test_absent_is_made_with_pip_bound_to_the_hashes() -> None:
    host = machine()
    diff, steps = converge(WANT, host)
    assert (diff.changes[0].before, diff.changes[0].after) == ("absent", "0.13.9")
    assert diff.download_bytes
    pip = programs(steps)[1]
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(pip.argv)
    assert pip.environment == WANT.settings
    assert host.text(f"{DIRECTORY}/requirements.txt") == f"uv==0.13.9 --hash=sha256:{'a' * 64} --hash=sha256:{'b' * 64}\n"


def test_a_killed_install_is_half_made_and_made_anew() -> None:
    host = machine(pip=1)
    with pytest.raises(StepError):
        converge(WANT, host)
    assert plan(WANT, host).changes[0].before == "half-made"
    host.on((f"{DIRECTORY}/bin/python", "-m", "pip"), machine().handler((f"{DIRECTORY}/bin/python", "-m", "pip")))
    _, steps = converge(WANT, host)
    assert isinstance(steps[0], RemoveTree)


@pytest.mark.parametrize("spoil", ["no program", "not executable", "empty", "other record", "no record", "program is a link"])
def test_what_is_not_whole_is_half_made(spoil: str) -> None:
    host = machine()
    converge(WANT, host)
    program = f"{DIRECTORY}/bin/uv"
    if spoil in {"no program", "program is a link"}:
        host.tree.drop(program)
    if spoil == "program is a link":
        host.put_link(program, "/tmp/evil")  # noqa: S108 - in memory
    if spoil == "not executable":
        host.put_file(program, b"\x7fELF", mode=0o644)
    if spoil == "empty":
        host.put_file(program, b"", mode=0o755)
    if spoil == "other record":
        host.put_file(f"{DIRECTORY}/provision.json", b'{"schema": 1, "uv": "0.13.9", "hashes": []}\n')
    if spoil == "no record":
        host.tree.drop(f"{DIRECTORY}/provision.json")
    assert plan(WANT, host).changes[0].before == "half-made"
    converge(WANT, host)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_something_else_in_its_place_is_left_alone(kind: str) -> None:
    host = machine()
    if kind == "file":
        host.put_file(DIRECTORY, b"mine")
    else:
        host.put_link(DIRECTORY, "/home")
    with pytest.raises(ProvisionError, match=f"is a {kind}"):
        plan(WANT, host)


def test_settings_hold_no_credentials() -> None:
    with pytest.raises(InputError, match="credentials"):
        dataclasses.replace(WANT, settings=(("PIP_INDEX_URL", "https://me:secret@mirror.test/simple"),))
