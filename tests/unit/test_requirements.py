"""What the tests run with is what the tables say a machine gets."""

from __future__ import annotations

from pathlib import Path

import tomli

ROOT = Path(__file__).parents[2]


def test_the_tests_run_with_the_rattler_that_machines_get() -> None:
    wanted = tomli.loads((ROOT / "provision/knowledge/rattler.toml").read_text())["version"]
    lock = (ROOT / "requirements/dev.lock").read_text()
    assert f"\npy-rattler=={wanted} " in lock


def test_what_people_run_is_locked_with_its_dependencies() -> None:
    project = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / "requirements/run.lock").read_text()
    for dependency in project["dependencies"]:
        assert f"\n{dependency.partition('>')[0]}==" in f"\n{lock}", dependency
