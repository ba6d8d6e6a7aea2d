"""The wheel is what people install: it must hold the roles, the templates, the tables and all of the agent."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from provision.run import payload

ROOT = Path(__file__).parents[2]
FACTS = ROOT / "tests" / "machines" / "debian-13-nspawn-no-gpu.json"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; its dependencies are those of the environment the tests run in."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True, timeout=120)
    site = next(venv.glob("lib/python3*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:  # unpacking is what installing a pure wheel is, but for the scripts
        archive.extractall(site)
    return venv


def run(venv: Path, arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    # No `.pth` file is read from PYTHONPATH, so the editable checkout is not found through it.
    environment = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib"), "HOME": str(folder), "COLUMNS": "100"}
    argv = [str(venv / "bin" / "python"), "-P" if sys.version_info >= (3, 11) else "-s", "-m", "provision", *arguments]
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_holds_roles_templates_tables_and_the_agent(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("roles", "templates"):
        wanted = {
            f"provision/{path.relative_to(ROOT)}"
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and path.suffix != ".pyc"
        }
        assert wanted
        assert wanted <= names
    assert "provision/knowledge/uv.toml" in names
    assert {f"provision/{path.relative_to(ROOT / 'provision')}" for path in payload._paths()} <= names
    assert not any(name.startswith(("roles/", "templates/", "tests/", "benchmarks/")) for name in names)


def test_the_installed_wheel_knows_its_roles(installed: Path, tmp_path: Path) -> None:
    done = run(installed, ["roles"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")] == sorted(
        path.stem for path in (ROOT / "roles").glob("*.py")
    )


def test_the_installed_wheel_compiles_a_catalog(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "workstation.toml").write_text('schema = 1\n[machine]\nuser = "me"\n[[environment]]\nname = "play"\n')
    done = run(installed, ["plan", "--facts", str(FACTS)], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "play" in done.stderr


def test_the_installed_wheel_looks_at_this_machine(installed: Path, tmp_path: Path) -> None:
    done = run(installed, ["facts", "--json"], tmp_path)
    assert done.returncode == 0, done.stderr
    where = run(installed, ["--version"], tmp_path)
    assert where.stdout.startswith("provision ")
