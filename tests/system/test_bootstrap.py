"""`./bootstrap` on a machine that has a system Python and apt, and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from provision.box.box import Box
from tests.system.conftest import FreshBox

pytestmark = [pytest.mark.box, pytest.mark.slow]

CHECKOUT = Path(__file__).parents[2]
PARTS = ("README.md", "bootstrap", "provision", "pyproject.toml", "requirements", "roles", "templates")


@pytest.fixture
def machine(fresh_box: FreshBox, tmp_path: Path) -> Box:
    """A fresh machine with a checkout in the home of `demo`."""
    for part in PARTS:
        source = CHECKOUT / part
        if source.is_dir():
            shutil.copytree(source, tmp_path / "checkout" / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (tmp_path / "checkout").mkdir(exist_ok=True)
            shutil.copy2(source, tmp_path / "checkout" / part)
    box = fresh_box()
    box.copy_to(tmp_path / "checkout", "/home/demo/checkout", owner="demo")
    return box


def test_from_nothing(machine: Box) -> None:
    machine.fail(["python3", "-c", "import ensurepip"])
    assert "usage: ./bootstrap" in machine.succeed("checkout/bootstrap", user="demo")
    machine.fail(["test", "-e", "/home/demo/checkout/.venv"])

    # From another folder, where the user's own profile may be.
    first = machine.execute("mkdir elsewhere; cd elsewhere; ../checkout/bootstrap --version", user="demo", timeout=600)
    assert first.returncode == 0, first.stdout + first.stderr
    assert first.stdout.startswith("provision ")
    assert "installing with apt: python3-venv" in first.stderr

    began = time.monotonic()
    second = machine.execute("checkout/bootstrap --version", user="demo")
    assert second.stdout == first.stdout
    assert second.stderr == ""
    assert time.monotonic() - began < 5
    owners = machine.succeed("find /home/demo/checkout ! -user demo")
    assert owners == ""

    planned = machine.execute("cd elsewhere; ../checkout/bootstrap plan base", user="demo", timeout=300)
    assert planned.returncode == 0, planned.stderr
    assert "tmux" in planned.stderr


def test_a_broken_environment_is_mended(machine: Box) -> None:
    machine.succeed("mkdir -p checkout/.venv/bin; echo stale > checkout/.venv/.provision-run", user="demo")
    machine.succeed("printf '#!/bin/sh\\nexit 1\\n' > checkout/.venv/bin/python; chmod +x checkout/.venv/bin/python", user="demo")
    assert machine.succeed("checkout/bootstrap --version", user="demo", timeout=600).startswith("provision ")


def test_where_uv_does_not_work_pip_does(machine: Box) -> None:
    # Every start of the real uv fails, as on a processor it was not built for.
    machine.succeed("mkdir bin; printf '#!/bin/sh\\nexit 1\\n' > bin/uv; chmod +x bin/uv", user="demo")
    machine.succeed("""sed -i 's|"$venv/bin/uv"|/home/demo/bin/uv|' checkout/bootstrap""", user="demo")
    done = machine.execute("checkout/bootstrap --version", user="demo", timeout=600)
    assert done.returncode == 0, done.stderr
    assert "trying pip" in done.stderr


def test_a_lock_whose_hashes_do_not_match_is_refused(machine: Box) -> None:
    machine.succeed("sed -i 's/sha256:..../sha256:0000/' checkout/requirements/run.lock", user="demo")
    said = machine.fail("checkout/bootstrap --version", user="demo", timeout=600)
    assert "hash" in said.lower()
    machine.fail(["test", "-e", "/home/demo/checkout/.venv/.provision-run"])


def test_the_demo_from_nothing_and_why_there_is_no_box(machine: Box) -> None:
    """A box in a box: here systemd runs the machine, and `demo` becomes root by sudo."""
    done = machine.execute("checkout/bootstrap demo --json", user="demo", timeout=1200)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result.pop("changed") > 0
    assert result.pop("checks_passed") > 0
    assert result == {"schema": 1, "second_apply_changed": 0, "checks_failed": 0}
    machine.fail(["test", "-e", "/run/provision-boxes"])
    machine.fail(["test", "-e", "/etc/provision"])

    machine.succeed(["rm", "/dev/net/tun"])
    without = machine.execute("checkout/bootstrap demo", user="demo", timeout=600)
    assert without.returncode == 5, without.stderr
    reasons = [line for line in without.stderr.splitlines() if line.startswith("a box needs /dev/net/tun")]
    assert len(reasons) == 1
    assert "environments" in without.stderr
    machine.fail(["test", "-e", "/etc/provision"])


def test_shell_scripts_are_sound() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    subprocess.run(["shellcheck", CHECKOUT / "bootstrap", CHECKOUT / ".ci/run"], check=True)
