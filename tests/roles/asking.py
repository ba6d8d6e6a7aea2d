"""Profiles of environments, and what the role makes of them."""

from __future__ import annotations

import dataclasses

from provision.catalog.model import Catalog, Note
from provision.facts.model import Facts
from provision.knowledge.tables import knowledge
from provision.profile.model import Profile
from provision.resources import CondaEnvironment, File, UvEnvironment
from tests.roles.machines import compiled

TURING, PASCAL, BLACKWELL, CPU = (
    "ubuntu-24.04-rtx-2070-super",
    "debian-12-gtx-1080-ti-bios",
    "ubuntu-26.04-two-rtx-5090",
    "debian-12-server-no-gpu",
)
WHL = next(row.index for row in knowledge().builds if row.build == "cu126").removesuffix("/cu126")
"""Where the builds of torch lie."""
READY = {
    "environment": (
        {"name": "torch"},
        {"name": "fastai", "manager": "conda"},
        {"name": "mine", "manager": "conda", "python": "3.13", "packages": ("numpy", "cuda-nvcc"), "pip": ("einops",)},
        {"name": "both", "frameworks": ("torch==2.15", "tensorflow"), "packages": ("pandas",)},
    ),
    "conda": {"mirrors": {"conda-forge": "http://mirror.test/conda/conda-forge"}},
    "pip": {"mirrors": {WHL: "http://mirror.test/whl"}},
}


def profile(*environments: dict[str, object], **sections: object) -> Profile:
    return Profile.model_validate({"environment": environments, **sections})


def catalog(wanted: Profile, facts: Facts) -> Catalog:
    return compiled(wanted, facts, "environments")


def environments(wanted: Profile, facts: Facts) -> dict[str, UvEnvironment]:
    found = [entry.resource for entry in catalog(wanted, facts).entries]
    return {each.name: each for each in found if isinstance(each, UvEnvironment)}


def condas(wanted: Profile, facts: Facts) -> dict[str, CondaEnvironment]:
    found = [entry.resource for entry in catalog(wanted, facts).entries]
    return {each.name: each for each in found if isinstance(each, CondaEnvironment)}


def files(wanted: Profile, facts: Facts) -> dict[str, str]:
    found = [entry.resource for entry in catalog(wanted, facts).entries]
    return {each.path: str(each.content) for each in found if isinstance(each, File)}


def decided(wanted: Profile, facts: Facts) -> Note:
    found = [each.note for each in catalog(wanted, facts).notes if each.role == "environments"]
    return found[0]


def keeping(facts: Facts, *names: str) -> Facts:
    """A machine whose pip finds these files beside its index."""
    return dataclasses.replace(facts, pip=dataclasses.replace(facts.pip, wheels=names, find_links=("/srv/wheels",)))
