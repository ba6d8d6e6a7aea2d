"""The examples of `docs/roles.md` and `docs/environments.md` work."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

from provision.catalog.compile import compile_catalog, select_roles
from provision.catalog.load import load_roles
from provision.profile.model import Profile
from provision.resources import CondaEnvironment, UvEnvironment
from tests.roles.machines import compiled, machine

FOLDER = Path(__file__).parent.parent.parent / "docs"
DOCS = FOLDER / "roles.md"


def test_the_example_loads_and_compiles(tmp_path: Path) -> None:
    found = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found
    (tmp_path / "monitoring.py").write_text(found[1])
    facts = machine("debian-13-nspawn-no-gpu")
    selection = select_roles(Profile(), facts, load_roles([tmp_path]), ("monitoring",))
    assert [role.name for role in selection.roles] == ["base", "monitoring"]
    catalog = compile_catalog(Profile(), facts, selection)
    assert catalog.entries[-1].resource.key == "service:prometheus-node-exporter.service"
    assert catalog.checks[-1].check.name == "metrics answer"


def test_the_environments_of_the_example_can_be_had() -> None:
    found = re.search(r"```toml\n(.*?)```", (FOLDER / "environments.md").read_text(), re.DOTALL)
    assert found
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    data = toml.loads(found[1])
    lists = [
        {name: tuple(value) if isinstance(value, list) else value for name, value in each.items()} for each in data["environment"]
    ]
    wanted = Profile.model_validate({"environment": tuple(lists)})
    assert [each.file for each in wanted.environment if each.file] == ["environment.yml"]
    resources = [entry.resource for entry in compiled(wanted, machine("ubuntu-24.04-rtx-2070-super"), "environments").entries]
    names = [each.name for each in resources if isinstance(each, UvEnvironment | CondaEnvironment)]
    assert names == ["base", "torch", "vision", "geo", "paper"]
