"""Fault row F17: a process that keeps swapping links in while root works in its directory."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import stat
import time
from pathlib import Path

import pytest

from provision.agent import steps
from provision.errors import ProvisionError
from tests.unit.agent.machine_tree import NOBODY, Tree

ROUNDS = 300
SECONDS = 4.0


def attack(home: Path, etc: Path) -> None:
    """Swap `.ssh` and the file in it between what is honest and what leads to root's own files, until killed."""
    os.chdir(home)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    os.umask(0)
    honest, door, place = Path("honest"), Path("door"), Path(".ssh")
    with contextlib.suppress(OSError):
        honest.mkdir()
        door.symlink_to(etc)
    while True:
        with contextlib.suppress(OSError):
            honest.rename(place)
        with contextlib.suppress(OSError):
            (place / "authorized_keys").unlink()
        with contextlib.suppress(OSError):
            (place / "authorized_keys").symlink_to(etc / "authorized_keys")
        with contextlib.suppress(OSError):
            place.rename(honest)
        with contextlib.suppress(OSError):
            door.rename(place)
        with contextlib.suppress(OSError):
            place.rename(door)


def test_a_racing_process_never_leads_root_astray(tree: Tree, home: Path) -> None:
    victim = tree.put("/etc/authorized_keys", "root's own", mode=0o600)
    before = (hashlib.sha256(victim.read_bytes()).hexdigest(), victim.stat().st_uid, victim.stat().st_mode)
    names = sorted(file.name for file in tree.at("/etc").iterdir())
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            attack(home, tree.at("/etc"))
        os._exit(1)
    outcomes = {"done": 0, "refused": 0}
    writer, end = tree.writer(), time.monotonic() + SECONDS
    path = "/home/nobody/.ssh/authorized_keys"
    try:
        for round_ in range(ROUNDS):
            for step in (
                steps.Write(path=path, content=b"key %d" % round_, mode=0o666, owner="nobody", group="nobody"),
                steps.SetAttributes(path=path, mode=0o666, owner="nobody", group="nobody"),
                steps.Remove(path=path),
            ):
                try:
                    writer.perform(step)
                    outcomes["done"] += 1
                except ProvisionError:
                    outcomes["refused"] += 1
            with contextlib.suppress(ProvisionError):
                assert b"root's own" not in (writer.read(path) or b"")
            if time.monotonic() > end:
                break
        assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    after = (hashlib.sha256(victim.read_bytes()).hexdigest(), victim.stat().st_uid, victim.stat().st_mode)
    assert after == before
    assert stat.S_IMODE(victim.stat().st_mode) == 0o600
    assert sorted(file.name for file in tree.at("/etc").iterdir()) == names
    assert min(outcomes.values()) > 0, outcomes


if os.geteuid() != 0:
    pytestmark = pytest.mark.skip(reason="needs root: the attacker is another user")
