"""The environments a profile asks for, settled: ready-made ones filled in, frameworks chosen, what cannot share set apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provision.catalog.conda import conda_environment
from provision.catalog.frameworks import AUTO, groups, package_name
from provision.catalog.kernels import conda_settings
from provision.catalog.role import Note
from provision.catalog.uv import uv, uv_settings
from provision.facts.model import Facts, Person
from provision.knowledge.presets import packages_of, presets
from provision.profile.environment import Environment
from provision.profile.model import Profile
from provision.resources import CondaEnvironment, UvEnvironment

if TYPE_CHECKING:
    from provision.catalog.frameworks import Group

ANY = "-"
"""A build that nobody chose."""


@dataclass(frozen=True, kw_only=True)
class Settled:
    """An environment as it will be: its resource, what its kernel sets, and the (framework, build) it computes with."""

    resource: UvEnvironment | CondaEnvironment
    settings: dict[str, str]
    frameworks: tuple[tuple[str, str], ...] = ()
    group: Group | None = None

    @property
    def conda(self) -> bool:
        """Whether conda packages are in it."""
        return isinstance(self.resource, CondaEnvironment)


def settled(profile: Profile, facts: Facts, owner: Person) -> tuple[Settled, ...]:
    """Return the environments of `profile` for `owner`; frameworks that cannot share one are in `NAME` and `NAME-FRAMEWORK`."""
    return tuple(each for environment in profile.environment for each in _settled(profile, facts, owner, filled(environment)))


def filled(environment: Environment) -> Environment:
    """Return an environment with what is ready-made under its name, unless it says itself what it holds."""
    preset = presets().get(environment.name)
    if preset is None or environment.frameworks or environment.packages or environment.pip or environment.file:
        return environment
    own = "pip" if environment.manager == "conda" else "packages"
    return environment.model_copy(update={"frameworks": preset.frameworks, own: preset.packages})


def note(environments: tuple[Settled, ...]) -> Note | None:
    """Return what was decided about frameworks, `None` where there are none."""
    found = [each.group for each in environments if each.group]
    if not found:
        return None
    apart = [(each.resource.name, each.group) for each in environments if each.group and each.group.apart]
    split = [f"`{name}` is apart, as {group.apart}" for name, group in apart]
    return Note(
        summary=", ".join(dict.fromkeys(shown for group in found for _, _, shown in group.builds)),
        why="; ".join(dict.fromkeys((*split, *(why for group in found for why in group.why)))),
        warnings=tuple(dict.fromkeys(warning for group in found for warning in group.warnings)),
    )


def _settled(profile: Profile, facts: Facts, owner: Person, environment: Environment) -> Iterator[Settled]:
    placed = environment.model_copy(update={"path": _path(environment, owner)})
    if not placed.frameworks:
        yield _one(profile, facts, owner, placed)
        return
    pip = placed.pip if placed.manager == "conda" else placed.packages
    for group in groups(profile, facts, placed.frameworks, python=placed.python, packages=pip):
        suffix = f"-{group.builds[0][0]}" if group.apart else ""
        moved = placed.model_copy(update={"name": f"{placed.name}{suffix}", "path": f"{placed.path}{suffix}"})
        yield _one(profile, facts, owner, moved, group)


def _path(environment: Environment, owner: Person) -> str:
    if environment.path.startswith("~/"):
        return f"{owner.home}/{environment.path[2:]}"
    return environment.path or f"{owner.home}/envs/{environment.name}"


def _one(profile: Profile, facts: Facts, owner: Person, environment: Environment, group: Group | None = None) -> Settled:
    names = [package_name(each) for each in (*environment.packages, *environment.pip)]
    resource: UvEnvironment | CondaEnvironment
    if environment.manager == "conda":
        resource = _conda(profile, facts, owner, environment, group)
        settings = conda_settings(environment.name, environment.path, facts, names)
    else:
        resource, settings = _uv(facts, owner, environment, group), {"VIRTUAL_ENV": environment.path}
    chosen = {name: build for name, build, _ in group.builds} if group else {}
    known = packages_of()
    others = {known[name]: ANY for name in names if name in known and known[name] not in chosen}
    return Settled(resource=resource, settings=settings, frameworks=tuple((chosen | others).items()), group=group)


def _uv(facts: Facts, owner: Person, environment: Environment, group: Group | None) -> UvEnvironment:
    own = "" if environment.python == AUTO else environment.python
    requirements = (*(group.requirements if group else ()), *environment.packages, "ipykernel")
    return UvEnvironment(
        name=environment.name,
        path=environment.path,
        program=uv(facts).program,
        requirements=tuple(dict.fromkeys(requirements)),
        constraints=_constraints(environment, group),
        indexes=group.indexes if group else (),
        owner=owner.name,
        python=own or (group.python if group else ""),
        settings=uv_settings(facts),
    )


def _conda(profile: Profile, facts: Facts, owner: Person, environment: Environment, group: Group | None) -> CondaEnvironment:
    pip = tuple(dict.fromkeys((*(group.requirements if group else ()), *environment.pip)))
    made = conda_environment(
        profile,
        facts,
        name=environment.name,
        path=environment.path,
        owner=owner.name,
        specs=tuple(dict.fromkeys((*environment.packages, "ipykernel", "pip", *_python(facts, environment, group)))),
        channels=environment.channels,
    )
    return replace(
        made,
        pip=pip,
        pip_constraints=_constraints(environment, group),
        indexes=group.indexes if group else (),
        uv=uv(facts).program,
    )


def _python(facts: Facts, environment: Environment, group: Group | None) -> Iterator[str]:
    """Yield the spec of Python, unless a package already is one."""
    if environment.python != AUTO:
        yield f"python={environment.python}"
    elif group:
        yield f"python={group.python}"
    elif not any(package_name(each) == "python" for each in environment.packages):
        yield f"python={'.'.join(facts.python.split('.')[:2])}" if facts.python else "python"


def _constraints(environment: Environment, group: Group | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*environment.constraints, *(group.constraints if group else ()))))
