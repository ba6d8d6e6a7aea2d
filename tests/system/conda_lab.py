"""A box with a conda channel of stand-ins in it, and a profile that takes its environments from there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli

from provision.box.box import Box
from tests import conda_server
from tests.conda_channel import STAND_INS, Channel, build_channel
from tests.conda_package import Package
from tests.conda_server import Fault
from tests.system.driving import Driver, Said

PORT = 8097
SERVED, SERVER = "/srv/channels", "/srv/conda_server.py"
URL = f"http://127.0.0.1:{PORT}/conda-forge"
INDEX, PACKAGES = "conda-forge/*/repodata*", "conda-forge/*/*-*-*"
"""Patterns for faults: the channel's index, and its packages."""
ROLE = """
from provision.catalog.conda import bring_conda
from provision.catalog.environments import settled
from provision.catalog.person import person
from provision.catalog.uv import bring_uv
yield from bring_uv(facts)
yield from bring_conda(facts)
for each in settled(profile, facts, person(profile, facts)):
    yield each.resource
"""
"""What the role `environments` yields, without kernels and checks: a stand-in of `ipykernel` runs none."""
PREFIX = "/home/demo/envs/lab"
SECONDS = 1200
"""How long the channel is served at most."""

_TREE = r"""
import hashlib, json, os, sys
for folder, below, names in os.walk(sys.argv[1]):
    below[:] = sorted(name for name in below if name != "__pycache__")
    for name in sorted(names):
        path = os.path.join(folder, name)
        shown = os.path.relpath(path, sys.argv[1])
        if shown == "conda-meta/history" or shown.startswith("provision") or shown.endswith(".pyc"):
            continue  # what says when it was made
        if os.path.islink(path):
            print(shown, "->", os.readlink(path))
        elif shown.startswith("conda-meta/") and shown.endswith(".json"):
            # Bytecode holds the time of its source; which there is, is told nevertheless.
            with open(path) as opened:
                print(shown, hashlib.sha256(json.dumps(json.load(opened), sort_keys=True).encode()).hexdigest())
        else:
            with open(path, "rb") as opened:
                print(shown, oct(os.stat(path).st_mode), hashlib.sha256(opened.read()).hexdigest())
"""


class Lab:
    """One machine of a lab; `driver` reaches it."""

    def __init__(self, box: Box, folder: Path) -> None:
        self.box = box
        self.driver = Driver(box, folder)
        self.driver.role(ROLE)
        self.wants("beta")

    @property
    def lock(self) -> dict[str, Any]:
        """What the lock beside the profile says of the environment."""
        text = (self.driver.folder / "workstation.lock").read_text()
        found: dict[str, Any] = tomli.loads(text)["environment"]["lab"]
        return found

    @property
    def locked(self) -> dict[str, str]:
        """The conda packages of the lock, by name."""
        records = (json.loads(line) for line in self.lock["conda"].splitlines() if line.startswith("{"))
        return {record["name"]: f"{record['version']} {record['build']}" for record in records}

    def wants(self, *packages: str, pip: Sequence[str] = (), base: bool = False, path: str = "", more: str = "") -> None:
        """Write the profile: an environment `lab` with these packages."""
        self.driver.profile(
            f'[conda]\nbase = {str(base).lower()}\nmirrors = {{ conda-forge = "{URL}" }}\n{more}\n'
            f'[[environment]]\nname = "lab"\nmanager = "conda"\npackages = {json.dumps(packages)}\npip = {json.dumps(pip)}\n'
            + (f'path = "{path}"\n' if path else "")
        )

    def plan(self, *words: str) -> Said:
        return self.driver.run("plan", "sample", *words)

    def apply(self) -> Said:
        return self.driver.run("apply", "sample", timeout=300)

    def relock(self, *words: str) -> Said:
        return self.driver.run("lock", "lab", *words)

    def goes_wrong(self, faults: Mapping[str, Fault]) -> None:
        """Say what the channel does wrong from now on."""
        self.box.succeed(["python3", SERVER, "tell", str(PORT), json.dumps(faults)])

    def asked(self, part: str) -> int:
        """Return how often files with `part` in their names were asked for."""
        code = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:{PORT}/requests').read().decode())"
        counts = json.loads(self.box.succeed(["python3", "-c", code]))
        return sum(count for path, count in counts.items() if part in path)

    def tree(self, prefix: str = PREFIX) -> Sequence[str]:
        """Return a line for each file of the environment: its path, mode and sum."""
        return self.box.succeed(["python3", "-c", _TREE, prefix]).splitlines()

    def records(self) -> set[str]:
        """Return the packages that conda's records say are there."""
        there = self.box.root / PREFIX.lstrip("/") / "conda-meta"
        return {path.stem for path in there.glob("*.json")}

    @property
    def sealed(self) -> bool:
        """Whether the program says that all of the environment is there."""
        return (self.box.root / PREFIX.lstrip("/") / "provision-records.json").exists()

    def anew(self) -> None:
        """Take the environment, its packages' cache and its lock away; the channel is sound again."""
        self.goes_wrong({})
        self.box.succeed(f"rm -rf {PREFIX} /home/demo/.cache/provision")
        (self.driver.folder / "workstation.lock").unlink(missing_ok=True)


def settle(box: Box, folder: Path, packages: Sequence[Package] = STAND_INS) -> Channel:
    """Build a channel of `packages` in `folder`, and serve it in the box."""
    channel = build_channel(folder, packages)
    box.copy_to(channel.path, f"{SERVED}/conda-forge")
    box.copy_to(Path(conda_server.__file__), SERVER)
    unit = ["systemd-run", "--unit=channel", "--collect", "--quiet"]
    box.succeed([*unit, "python3", SERVER, SERVED, str(PORT), str(SECONDS)])
    box.wait_for_port(PORT)
    return channel


def processes(box: Box, *words: str) -> list[int]:
    """Return the pids, here, of the box's processes with one of these words in their command line."""
    ours = Path(f"/proc/{box.leader}/ns/pid").readlink()
    found = []
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            if any(word in command for word in words) and (process / "ns/pid").readlink() == ours:
                found.append(int(process.name))
        except (OSError, ValueError):  # no process, or it ended meanwhile
            continue
    return found
