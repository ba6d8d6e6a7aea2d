"""What a profile wants of the stack on a machine whose facts are known."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from dataclasses import replace

from provision.facts.model import DriverPackage, Facts
from provision.knowledge.package_name import BUILT, bound, branch_of, flavour_of, upstream
from provision.knowledge.stack import Installed, Wish
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
        installed=installed(facts),
    )


def with_environment(wish: Wish, profile: Profile, names: Collection[str]) -> Wish:
    """Return `wish` with Python and frameworks of the profile's first environment that has any, be it as packages."""
    for environment in profile.environment:
        named = [match for package in environment.packages if (match := _REQUIREMENT.fullmatch(package)) and match[1] in names]
        packages = tuple(f"{match[1]}=={match[2]}" if match[2] else match[1] for match in named)
        frameworks = environment.frameworks or packages
        if frameworks:
            return replace(wish, frameworks=frameworks, python=environment.python)
    return wish


def installed(facts: Facts) -> Installed | None:
    """Return the driver that packages brought; `None` for none, or for parts of several: of two origins, of two branches."""
    parts = [package for package in facts.driver.packages if bound(package)]
    modules = [package for package in parts if _flavour(package, facts)]
    # Modules of a branch that is gone stay behind with the kernels they are for.
    whole = [package for package in modules if not package.name.startswith(BUILT)] or modules
    branches, origins = {_branch(package) for package in whole}, {package.origin for package in parts} - {""}
    if len(branches) != 1 or not all(branches) or len(origins) > 1:
        return None
    (branch,) = branches
    flavours = {_flavour(package, facts) for package in modules if _branch(package) == branch}
    if len(flavours) > 1:
        flavours = {module.flavour for module in facts.driver.modules if module.kernel == facts.kernel.next} - {""}
    versions = (upstream(package.version) for package in parts if not package.name.startswith(BUILT))
    return Installed(
        branch=branch,
        origin=min(origins, default=""),
        flavour=min(flavours) if len(flavours) == 1 else "",
        version=next((version for version in versions if version.startswith(f"{branch}.")), ""),
    )


def _branch(package: DriverPackage) -> int:
    """Return a package's branch, by its version: one that is called after 570 may have turned into 580."""
    release = "" if package.name.startswith(BUILT) else upstream(package.version)
    return int(release.partition(".")[0]) if release else branch_of(package.name)


def _flavour(package: DriverPackage, facts: Facts) -> str:
    return flavour_of(package.name, ubuntu=facts.system.id == "ubuntu")


def system_id(facts: Facts) -> str:
    """Return `ubuntu-24.04`, `debian-12`: the release as the tables name it."""
    version = facts.system.version
    return f"{facts.system.id}-{version.partition('.')[0] if facts.system.id == 'debian' else version}"


def kernel_flavour(facts: Facts) -> str:
    """Return the flavour of the package that brings the kernel that boots next (`generic-hwe-24.04`); empty where none tells."""
    flavours = [name.removeprefix(_IMAGE) for name in facts.kernel.packages if name.startswith(_IMAGE)]
    release = facts.kernel.next or facts.kernel.running
    return max((name for name in flavours if release.endswith(f"-{name.partition('-hwe')[0]}")), key=len, default="")
