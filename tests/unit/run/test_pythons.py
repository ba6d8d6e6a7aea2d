"""The agent on every Python from 3.10 to 3.13 that is present, whichever of them the controller runs."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import provision
from provision.catalog.model import Catalog, Entry
from provision.errors import ProvisionError
from provision.run import payload
from provision.run.session import open_session
from provision.transports.local import LocalStream
from tests.unit.run.samples import every_kind
from tests.unit.run.test_payload import everything

pytestmark = pytest.mark.slow

HOME = Path(provision.__file__).parent


@cache
def pythons() -> tuple[str, ...]:
    """One interpreter for each of the versions, where there is one."""
    found: dict[str, str] = {f"3.{sys.version_info.minor}": sys.executable}
    homes = [Path("/usr/bin"), *Path("~/.pyenv/versions").expanduser().glob("3.1[0-3]*/bin")]
    for version in ("3.10", "3.11", "3.12", "3.13"):
        for home in homes:
            named = home / f"python{version}"
            if os.access(named, os.X_OK):
                found.setdefault(version, str(named))
    return tuple(found[version] for version in sorted(found, key=lambda text: int(text.split(".")[1])))


def version(python: str) -> str:
    return subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.strip()


every_python = pytest.mark.parametrize("python", pythons(), ids=version)


class With:
    """This machine, with the agent on another interpreter."""

    name = "prometheus"
    remote = False

    def __init__(self, python: str) -> None:
        self._python = python

    def start(self, command: str) -> LocalStream:
        return LocalStream([self._python, "-ISc", command[command.index("'") + 1 : command.rindex("'")]])


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name)


@every_python
def test_a_session_plans_every_kind(python: str, folder: Path) -> None:
    user = pwd.getpwuid(os.geteuid()).pw_name
    (folder / "file").write_text("old\n")
    resources = every_kind(folder, user)
    with open_session(With(python), sudo=False, password="", ask=lambda _host: "") as session:
        assert session.facts.kernel.running == os.uname().release
        try:
            plan = session.plan(Catalog(entries=tuple(Entry(role="base", resource=resource) for resource in resources)))
        except ProvisionError as error:
            assert "internal error" not in error.message, error.evidence  # noqa: PT017 - what this machine lacks may be told
        else:
            assert [entry.key for entry in plan.entries] == [resource.key for resource in resources]
        files = tuple(Entry(role="base", resource=r) for r in resources if r.kind in {"file", "directory", "link"})
        plan = session.plan(Catalog(entries=files))
        assert [entry.diff.status.value for entry in plan.entries] == ["change"] * 3
    assert sorted(path.name for path in folder.iterdir()) == ["file"]


@every_python
def test_every_module_compiles_and_imports(python: str) -> None:
    names = sorted(set(everything()) - {"provision.agent.stage1"})
    script = (
        payload._script(everything())
        + f"\nimport importlib\nfor name in {names!r}: importlib.import_module(name)\nprint(len(sys.modules))"
    )
    done = subprocess.run(
        [python, "-ISc", "import sys; exec(sys.stdin.read(), {'__name__': 'agent', 'ENTRY': ''})"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("python", sorted({pythons()[0], pythons()[-1]}), ids=version)
def test_what_any_controller_shrinks_the_oldest_python_reads(python: str) -> None:
    shrink_all = (
        "import importlib.util, json, sys\n"
        f"spec = importlib.util.spec_from_file_location('shrink', {str(HOME / 'run/shrink.py')!r})\n"
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)\n"
        "print(json.dumps({path: module.shrink(open(path).read()) for path in json.load(sys.stdin)}))"
    )
    paths = json.dumps([str(path) for path in payload._paths()])
    made = subprocess.run([python, "-ISc", shrink_all], input=paths, capture_output=True, text=True, check=True).stdout
    compile_all = "import json, sys\nfor path, text in json.load(sys.stdin).items(): compile(text, path, 'exec')"
    done = subprocess.run([pythons()[0], "-ISc", compile_all], input=made, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_versions_that_are_there_are_found() -> None:
    assert pythons()
    assert len({version(python) for python in pythons()}) == len(pythons())
