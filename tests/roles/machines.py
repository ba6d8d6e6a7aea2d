"""The recorded machines, and profiles to try on them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from provision.catalog.compile import Selection, compile_catalog, select_roles
from provision.catalog.load import load_roles
from provision.catalog.model import Catalog
from provision.catalog.role import Role
from provision.facts.model import Facts, load
from provision.profile.model import Profile

FOLDER = Path(__file__).parent.parent / "machines"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.json")))
REFUSED = {
    "ubuntu-22.04-broken-ppa": "the graphics-drivers PPA is a third origin of drivers, and 10 packages are from it",
    "ubuntu-22.04-broken-runfile-left-over": "NVIDIA's own installer",
}
"""Machines on which a person has to decide or to clear something away first, and what they are told."""
FIT = tuple(name for name in NAMES if name not in REFUSED)

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIL6HJwYBLdpQ8yQqvuWlgZk2Vw0v5ShTgrR/VXvhY+B me@laptop"
FULL = Profile.model_validate(
    {
        "machine": {"hostname": "prometheus", "timezone": "Europe/Paris", "locale": "en_US.UTF-8"},
        "base": {"packages": ("build-essential", "git")},
        "environment": (
            {"name": "torch", "packages": ("numpy", "pandas>=3")},
            {"name": "old", "python": "3.12", "path": "~/old/env"},
        ),
        "jupyter": {"port": 8899, "packages": ("jupyterlab-git",)},
        "ssh": {"authorized_keys": (KEY,)},
    }
)


@cache
def shipped() -> dict[str, Role]:
    return load_roles()


@cache
def machine(name: str) -> Facts:
    return load(json.loads((FOLDER / f"{name}.json").read_text()))


def selected(profile: Profile, facts: Facts, *asked: str) -> Selection:
    return select_roles(profile, facts, shipped(), asked)


def compiled(profile: Profile, facts: Facts, *asked: str) -> Catalog:
    return compile_catalog(profile, facts, selected(profile, facts, *asked))
