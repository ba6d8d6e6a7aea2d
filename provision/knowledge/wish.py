"""What a profile wants of the stack on a machine whose facts are known."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from dataclasses import replace

from provision.facts.model import Facts
from provision.knowledge.stack import Wish
from provision.profile.model import Profile

_IMAGE = "linux-image-"
_REQUIREMENT = re.compile(r"([a-z][a-z0-9_-]*)(?:\[[^]]*\])?(?:==(\d+(?:\.\d+)*)(?:\.\*)?|[ ~<>!=].*)?")


def wish_for(profile: Profile, facts: Facts, today: dt.date) -> Wish:
    """Return what `profile` wants on a machine: its `[nvidia]` and `[cuda]`, for the cards there and those it prepares for."""
    return Wish(
        system=system_id(facts),
        gpus=(*(gpu.pci for gpu in facts.nvidia_gpus), *profile.nvidia.gpus),
        today=today,
        secure_boot=facts.secure_boot if facts.efi else False,
        architecture=facts.system.architecture,
        kernel=kernel_flavour(facts),
        desktop=facts.desktop,
        branch=profile.nvidia.branch,
        flavour=profile.nvidia.flavour,
        origin=profile.nvidia.origin,
        toolkits=profile.cuda.toolkits,
    )


def with_environment(wish: Wish, profile: Profile, names: Collection[str]) -> Wish:
    """Return `wish` with the Python and the frameworks (of `names`) of the profile's first environment that has any."""
    for environment in profile.environment:
        named = [match for package in environment.packages if (match := _REQUIREMENT.fullmatch(package)) and match[1] in names]
        if named:
            frameworks = tuple(f"{match[1]}=={match[2]}" if match[2] else match[1] for match in named)
            return replace(wish, frameworks=frameworks, python=environment.python)
    return wish


def system_id(facts: Facts) -> str:
    """Return `ubuntu-24.04`, `debian-12`: the release as the tables name it."""
    version = facts.system.version
    return f"{facts.system.id}-{version.partition('.')[0] if facts.system.id == 'debian' else version}"


def kernel_flavour(facts: Facts) -> str:
    """Return the flavour of the package that brings the kernel that boots next (`generic-hwe-24.04`); empty where none tells."""
    flavours = [name.removeprefix(_IMAGE) for name in facts.kernel.packages if name.startswith(_IMAGE)]
    release = facts.kernel.next or facts.kernel.running
    return max((name for name in flavours if release.endswith(f"-{name.partition('-hwe')[0]}")), key=len, default="")
