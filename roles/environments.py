"""Named Python environments exactly as their locks say, each with a Jupyter kernel that sets its environment itself."""

from __future__ import annotations

import json
from collections.abc import Iterator

from provision.catalog.person import person
from provision.catalog.role import role
from provision.catalog.templates import template
from provision.catalog.uv import bring_uv, uv, uv_settings
from provision.checks.model import Check, Probe
from provision.errors import InputError
from provision.facts.model import Facts, Person
from provision.profile.model import Environment, Profile
from provision.resources import Directory, File, Resource, UvEnvironment


def _none(profile: Profile, _facts: Facts) -> str:
    return "" if profile.environment else "the profile has no `[[environment]]`"


@role(after=("base",), skipped=_none)
def environments(profile: Profile, facts: Facts) -> Iterator[Resource | Check]:
    """Yield uv, and for each environment its packages, its kernel and the proof that both work."""
    if not profile.environment:
        return
    owner = person(profile, facts)
    yield from bring_uv(facts)
    for environment in profile.environment:
        if environment.manager == "conda":
            raise InputError(f'environment `{environment.name}`: manager = "conda" comes later', hint='use `manager = "uv"`')
        path = _path(environment, owner)
        yield UvEnvironment(
            name=environment.name,
            path=path,
            program=uv(facts).program,
            requirements=tuple(dict.fromkeys((*environment.packages, "ipykernel"))),
            owner=owner.name,
            python="" if environment.python == "auto" else environment.python,
            settings=uv_settings(facts),
        )
        yield from _kernel(environment.name, path, owner)
        yield from _checks(environment.name, path, owner)


def _path(environment: Environment, owner: Person) -> str:
    if environment.path.startswith("~/"):
        return f"{owner.home}/{environment.path[2:]}"
    return environment.path or f"{owner.home}/envs/{environment.name}"


def _kernel(name: str, path: str, owner: Person) -> Iterator[Resource]:
    directory = f"{owner.home}/.local/share/jupyter/kernels/{name}"
    spec = {
        "argv": [f"{path}/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": name,
        "language": "python",
        # A kernel is not started by a shell: what `activate` would do is said here. Jupyter fills in ${PATH}.
        "env": {"PATH": f"{path}/bin:${{PATH}}", "VIRTUAL_ENV": path},
        "metadata": {"debugger": True},
    }
    yield Directory(path=directory, owner=owner.name)
    yield File(path=f"{directory}/kernel.json", content=json.dumps(spec, indent=1) + "\n", owner=owner.name)


def _checks(name: str, path: str, owner: Person) -> Iterator[Check]:
    python = f"{path}/bin/python"
    yield Check(
        name=f"{name} computes",
        proves="its Python answers, and multiplies matrices as pure Python does (with NumPy, where the environment has it)",
        probe=Probe(argv=(python, "-", path), user=owner.name, stdin=template("checks/environment.py")),
        hint="`provision apply environments` mends it",
    )
    yield Check(
        name=f"kernel {name}",
        proves="Jupyter starts the kernel by its name, and it runs this environment's Python with its environment set",
        probe=Probe(argv=(python, "-", name, path), user=owner.name, stdin=template("checks/kernel.py")),
        hint="`provision apply environments` mends it",
    )
