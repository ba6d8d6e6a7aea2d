"""Named Python environments exactly as their locks say, each with a Jupyter kernel that sets its environment itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from provision.catalog.conda import base, bring_conda
from provision.catalog.environments import Settled, note, settled
from provision.catalog.kernels import kernel
from provision.catalog.person import person
from provision.catalog.role import Note, role
from provision.catalog.templates import template
from provision.catalog.uv import bring_uv
from provision.checks.model import Check, Probe
from provision.facts.model import Facts
from provision.profile.model import Profile
from provision.resources import Resource

COMPUTING = {"jax": "JAX", "tensorflow": "TensorFlow", "torch": "PyTorch"}
"""Frameworks whose computing is checked; others are built on these."""
MEND = "`provision apply environments` mends it"


def _none(profile: Profile, _facts: Facts) -> str:
    return "" if profile.environment else "the profile has no `[[environment]]`"


@role(after=("base",), skipped=_none)
def environments(profile: Profile, facts: Facts) -> Iterator[Resource | Check | Note]:
    """Yield what makes environments, and for each of them its packages, its kernel and the proof that it computes."""
    if not profile.environment:
        return
    owner = person(profile, facts)
    wanted = settled(profile, facts, owner)
    if (decided := note(wanted)) is not None:
        yield decided
    yield from bring_uv(facts)
    if any(each.conda for each in wanted):
        yield from bring_conda(facts)
        if profile.conda.base:
            yield from base(profile, facts)
            yield _activates(next(each.resource.path for each in wanted if each.conda), owner.name)
    for each in wanted:
        yield each.resource
        yield from kernel(each.resource.name, each.resource.path, owner, each.settings)
        yield from _checks(each, owner.name)


def _activates(path: str, user: str) -> Check:
    words = 'conda activate "$0" && echo "$CONDA_PREFIX, $(conda --version)"'
    return Check(
        name="conda activates",
        proves="in a login shell `conda activate` finds an environment, and `conda` answers there",
        probe=Probe(argv=("/bin/bash", "-lc", words, path), user=user, expect=f"^{re.escape(path)}, conda [0-9]"),
        hint=MEND,
    )


def _checks(environment: Settled, user: str) -> Iterator[Check]:
    name, path = environment.resource.name, environment.resource.path
    python = f"{path}/bin/python"
    yield Check(
        name=f"{name} computes",
        proves="its Python answers, and multiplies matrices as pure Python does (with NumPy, where the environment has it)",
        probe=Probe(argv=(python, "-", path), user=user, stdin=template("checks/environment.py")),
        hint=MEND,
    )
    for framework, build in environment.frameworks:
        if framework in COMPUTING:
            yield _computes(environment, user, framework, build)
    if environment.conda:
        yield Check(
            name=f"{name} is sound",
            proves="every file its conda packages brought is there, and those that are read are as they were brought",
            probe=Probe(argv=("/usr/bin/python3", "-", path, "20"), user=user, stdin=template("checks/conda_sound.py")),
            hint=f"`rm {path}/provision-records.json`, then `provision apply environments`, which brings its packages anew",
        )
    variable = "CONDA_PREFIX" if environment.conda else "VIRTUAL_ENV"
    yield Check(
        name=f"kernel {name}",
        proves="Jupyter starts the kernel by its name, and it runs this environment's Python with its environment set",
        probe=Probe(argv=(python, "-", name, path, variable), user=user, stdin=template("checks/kernel.py")),
        hint=MEND,
    )


def _computes(environment: Settled, user: str, framework: str, build: str) -> Check:
    text = template(f"checks/computes_{framework}.py") + template("checks/computes.py")
    return Check(
        name=f"{COMPUTING[framework]} computes in {environment.resource.name}",
        proves="on every GPU (else on the processor) its products, convolutions and gradients are those of exact sums, and a "
        "network of two layers learns",
        probe=Probe(argv=(f"{environment.resource.path}/bin/python", "-", build), user=user, stdin=text, timeout=600),
        hint=MEND,
    )
