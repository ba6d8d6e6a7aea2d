"""Puts this checkout and what it needs into a box, so that a person there can run it on that machine itself."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import provision
from provision.box.box import Box

HERE = "/opt/checkout"
_REMOTE = {"fabric"}
"""What only reaches other machines."""


def inhabit(box: Box, scratch: Path) -> list[str]:
    """Return the start of a command line in the box; skips where the box has another Python than this one."""
    version = box.succeed(["python3", "-c", "import sys; print(*sys.version_info[:2])"]).split()
    if version != [str(part) for part in sys.version_info[:2]]:
        pytest.skip(f"the box has Python {'.'.join(version)}, these packages are for another")
    site = scratch / "checkout"
    site.mkdir()
    for name in _needed("provision"):
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or () if not file.parts[0].startswith("..")}:
            _copy(Path(str(found.locate_file(top))), site / top)
    home = Path(provision.__file__).parent
    for folder in (home, home.parent / "roles", home.parent / "templates"):
        _copy(folder, site / folder.name)
    box.copy_to(site, HERE)
    return ["env", f"PYTHONPATH={HERE}", "python3", "-m", "provision"]


def _needed(name: str) -> set[str]:
    found: set[str] = set()
    todo = [name]
    while todo:
        for text in distribution(todo.pop()).requires or ():
            wanted = Requirement(text)
            if wanted.name not in found | _REMOTE and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
                found.add(wanted.name)
                todo.append(wanted.name)
    return found


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    elif source.is_file():
        shutil.copy(source, target)
