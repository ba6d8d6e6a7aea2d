"""Jupyter kernels that set their environment themselves: what a shell's activation would do is said in their specification."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from provision.facts.model import Facts, Person
from provision.knowledge.presets import variables
from provision.resources import Directory, File, Resource

_TARGETS = {"amd64": ("x86_64-linux", "x86_64-conda-linux-gnu"), "arm64": ("sbsa-linux", "aarch64-conda-linux-gnu")}


def kernel(name: str, path: str, owner: Person, settings: dict[str, str]) -> Iterator[Resource]:
    """Yield the kernel `name` of the environment at `path`, which runs with `settings`."""
    directory = f"{owner.home}/.local/share/jupyter/kernels/{name}"
    spec = {
        "argv": [f"{path}/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": name,
        "language": "python",
        # Jupyter fills in ${PATH}.
        "env": {"PATH": f"{path}/bin:${{PATH}}", **settings},
        "metadata": {"debugger": True},
    }
    yield Directory(path=directory, owner=owner.name)
    yield File(path=f"{directory}/kernel.json", content=json.dumps(spec, indent=1) + "\n", owner=owner.name)


def conda_settings(name: str, path: str, facts: Facts, packages: Iterable[str]) -> dict[str, str]:
    """Return what activating a conda environment would set, with `packages` in it."""
    target, triple = _TARGETS.get(facts.system.architecture, ("", ""))
    names = set(packages)
    found = {"CONDA_PREFIX": path, "CONDA_DEFAULT_ENV": name}
    for row in variables():
        if names & set(row.packages):
            found |= {variable: value.format(prefix=path, target=target, triple=triple) for variable, value in row.set}
    return found
