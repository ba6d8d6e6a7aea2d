"""What is known of the boxes on this machine, so that what a dead owner left can be swept away."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from provision.box.process import Process, end_tree, this

STATES = Path("/run/provision-boxes")
CGROUP_PREFIX = "provision-box-"
_SETTLE_SECONDS = 60
"""How old a folder without a state must be to count as left behind."""


@dataclass(frozen=True, kw_only=True)
class State:
    """A box: its owner, the processes that carry it, its cgroups and its folders."""

    name: str
    owner: Process
    disk: str
    """The folder of its layer."""
    holder: Process | None = None
    """The process that holds its namespaces and starts systemd-nspawn."""
    network: Process | None = None
    cgroups: tuple[str, ...] = ()
    kept: bool = False
    """Whether it outlives its owner."""
    port: int = 0
    """The port of 127.0.0.1 that leads to its sshd."""
    schema: int = 1

    @property
    def folder(self) -> Path:
        """Where its key, its ssh_config and its logs are."""
        return STATES / self.name

    @property
    def stale(self) -> bool:
        """Whether nobody will close this box: its owner is gone, or it was kept and has stopped."""
        if self.kept:
            return self.holder is None or not self.holder.alive()
        return not self.owner.alive()

    def save(self) -> None:
        """Write the state, all or nothing."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self.folder / ".state.json"
        new.write_text(json.dumps(asdict(self)))
        new.rename(self.folder / "state.json")


def new(name: str, disk: Path) -> State:
    """Return the state of a box about to be made by this process."""
    return State(name=name, owner=this(), disk=str(disk))


def load(name: str) -> State | None:
    """Return the state of the box called `name`; `None` where there is none, or none that can be read."""
    try:
        data = json.loads((STATES / name / "state.json").read_text())
        for key in ("owner", "holder", "network"):
            data[key] = Process(**data[key]) if data[key] else None
        return State(**{**data, "cgroups": tuple(data["cgroups"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def states() -> tuple[State, ...]:
    """Return the states of all boxes on this machine."""
    names = sorted(path.name for path in STATES.iterdir()) if STATES.is_dir() else []
    return tuple(state for state in map(load, names) if state)


def remove(state: State) -> None:
    """End the box of `state` and remove what it has: processes, cgroups, folders."""
    if state.holder:
        end_tree(state.holder)
    if state.network:
        state.network.end()
    for cgroup in map(Path, state.cgroups):
        _end_cgroup(cgroup)
    shutil.rmtree(state.disk, ignore_errors=True)
    shutil.rmtree(state.folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        STATES.rmdir()


def sweep() -> tuple[str, ...]:
    """Remove what dead owners left, and nothing else; return the names of those boxes."""
    swept = []
    for folder in sorted(STATES.iterdir()) if STATES.is_dir() else []:
        state = load(folder.name)
        if state is not None and state.name == folder.name and state.stale:
            remove(state)
            swept.append(folder.name)
        elif state is None and time.time() - folder.stat().st_mtime > _SETTLE_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
            swept.append(folder.name)
    return tuple(swept)


def _end_cgroup(cgroup: Path, wait: float = 5) -> None:
    if CGROUP_PREFIX not in str(cgroup):  # never a cgroup that is not ours
        return
    deadline = time.monotonic() + wait
    while cgroup.is_dir() and time.monotonic() < deadline:
        pids = [int(pid) for file in cgroup.rglob("cgroup.procs") for pid in _lines(file)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for below in sorted((path for path in cgroup.rglob("*") if path.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                below.rmdir()
        with contextlib.suppress(OSError):
            cgroup.rmdir()
        if cgroup.is_dir():
            time.sleep(0.02)


def _lines(file: Path) -> list[str]:
    try:
        return [line for line in file.read_text().split() if line != "0"]
    except OSError:
        return []
