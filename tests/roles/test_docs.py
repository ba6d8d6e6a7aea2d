"""The example of `docs/roles.md` is a role that works."""

from __future__ import annotations

import re
from pathlib import Path

from provision.catalog.compile import compile_catalog, select_roles
from provision.catalog.load import load_roles
from provision.profile.model import Profile
from tests.roles.machines import machine

DOCS = Path(__file__).parent.parent.parent / "docs" / "roles.md"


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
