"""Which builds of frameworks an environment gets, from where, on which Python, and which need an environment of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provision.catalog.stack import stack_of, today
from provision.catalog.wheels import Wheel, wheels
from provision.errors import InputError
from provision.facts.model import Facts
from provision.knowledge.presets import companions
from provision.profile.model import Profile

if TYPE_CHECKING:
    from provision.knowledge.stack import FrameworkChoice, Stack, Wish

AUTO = "auto"
CPU = "cpu"
PLAIN = "any"
"""A build that is the same for every machine."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class Group:
    """Frameworks that share an environment, and what pip is asked for to get their builds.

    `indexes` are those of `UvEnvironment`. `builds` are (framework, build, how a person reads it): `torch`, `cu132`,
    `torch 2.15 (cu132)`. `apart` says why these frameworks have an environment of their own.
    """

    builds: tuple[tuple[str, str, str], ...]
    python: str
    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    indexes: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    why: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    apart: str = ""


def package_name(requirement: str) -> str:
    """Return the normalised name of what a requirement or a MatchSpec asks for, empty where it has none."""
    found = _NAME.match(requirement.rpartition("::")[2])
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def groups(
    profile: Profile, facts: Facts, frameworks: Sequence[str], *, python: str, packages: Iterable[str]
) -> tuple[Group, ...]:
    """Return `frameworks` in as few environments as they can share, beside `packages` of pip's.

    What no card of the machine can serve computes on the processor, and a warning says so; raises `NoSolutionError` where a
    release that was asked for, the driver or the Python stands in the way.
    """
    from provision.knowledge.stack import NoSolutionError  # noqa: PLC0415 - 60 ms that only profiles with frameworks pay

    wish = _wish(profile, facts, python)
    names = frozenset(map(package_name, packages))
    try:
        together, apart = _shared(tuple(frameworks), wish)
    except NoSolutionError as error:
        because = tuple(_worded(each, profile, wish) for each in error.conflict.because)
        beyond = tuple(each for each in frameworks if _beyond(each, wish))
        if not beyond:
            raise NoSolutionError(replace(error.conflict, because=because)) from error
        rest = [each for each in frameworks if each not in beyond]
        found = groups(profile, facts, rest, python=python, packages=names) if rest else ()
        alone = replace(wish, gpus=(), branch=AUTO, flavour=AUTO, origin=AUTO, installed=None)
        together, apart = _shared(beyond, alone)
        lost = [_group(profile, facts, each, alone, names) for each in together]
        told = f"{' and '.join(beyond)} will compute on the processor: {'; '.join(because)}"
        lost[0] = replace(lost[0], warnings=(*lost[0].warnings, told), apart="no card here serves it" if found else "")
        return (*found, lost[0], *(replace(each, apart=apart) for each in lost[1:]))
    apart = _worded(apart, profile, wish)
    found = tuple(_group(profile, facts, each, wish, names) for each in together)
    return (found[0], *(replace(each, apart=apart) for each in found[1:]))


def _beyond(framework: str, wish: Wish) -> bool:
    """Return whether the cards are out of reach for a framework, whichever driver, Python and release of it were taken."""
    from provision.knowledge.stack import NoSolutionError  # noqa: PLC0415 - as above

    if not wish.gpus or "==" in framework:  # what a person names is had as it is, or not at all
        return False
    try:
        _resolved(replace(wish, branch=AUTO, flavour=AUTO, origin=AUTO, installed=None, python=AUTO), (framework,))
    except NoSolutionError:
        return True
    return False


def _wish(profile: Profile, facts: Facts, python: str) -> Wish:
    """Return the wish for a machine with the driver that it gets in any case."""
    from provision.knowledge.wish import wish_for  # noqa: PLC0415 - as above

    wish = replace(wish_for(profile, facts, today(facts)), toolkits=(), python=".".join(python.split(".")[:2]))
    stack = _drivers(profile, facts)
    driver = stack.driver if stack else None
    return replace(wish, branch=str(driver.branch), flavour=driver.flavour, origin=driver.origin) if driver else wish


def _drivers(profile: Profile, facts: Facts) -> Stack | None:
    """Return the machine's driver and toolkits, `None` where nothing fits: the roles for them say so."""
    from provision.knowledge.stack import NoSolutionError  # noqa: PLC0415 - as above

    try:
        return stack_of(profile, facts)
    except NoSolutionError:
        return None


def _worded(text: str, profile: Profile, wish: Wish) -> str:
    """Return a sentence of the resolver's, which takes what the machine has for what somebody asked for."""
    if profile.nvidia.branch == AUTO:
        text = text.replace(f"driver {wish.branch} was asked for", f"this machine's driver is {wish.branch}")
    if profile.nvidia.flavour == AUTO:
        text = text.replace(f"the {wish.flavour} module was asked for", f"this machine's module is the {wish.flavour} one")
    return text


def _shared(frameworks: tuple[str, ...], wish: Wish) -> tuple[list[tuple[str, ...]], str]:
    """Return which frameworks share an environment, the first ones first, and why not all do."""
    from provision.knowledge.stack import NoSolutionError  # noqa: PLC0415 - as above

    try:
        _resolved(wish, frameworks)
    except NoSolutionError as error:
        if len(frameworks) == 1:
            raise
        because = "; ".join(error.conflict.because)
    else:
        return [frameworks], ""
    together: list[tuple[str, ...]] = []
    for framework in frameworks:
        _resolved(wish, (framework,))  # else that is what there is to say
        for at, others in enumerate(together):
            try:
                _resolved(wish, (*others, framework))
            except NoSolutionError:
                continue
            together[at] = (*others, framework)
            break
        else:
            together.append((framework,))
    return together, because


def _resolved(wish: Wish, frameworks: tuple[str, ...]) -> Stack:
    from provision.knowledge.resolve import resolve  # noqa: PLC0415 - as above

    return resolve(replace(wish, frameworks=frameworks))


def _group(profile: Profile, facts: Facts, frameworks: tuple[str, ...], wish: Wish, packages: frozenset[str]) -> Group:
    stack, there = _resolved(wish, frameworks), wheels(facts.pip.wheels, facts.system.architecture)
    stack, kept = _kept(stack, there, wish, frameworks)
    own = {choice.name: _own_packages(choice, stack, kept, packages, there) for choice in stack.frameworks}
    asked = [kept.pin if kept and kept.name == choice.name else choice.requirement for choice in stack.frameworks]
    asked += [name for choice in stack.frameworks for name in own[choice.name] if name not in {choice.name, *packages}]
    held = (stack.cudnn.constraint,) if stack.cudnn and stack.cudnn.constraint else ()
    drivers = _drivers(profile, facts)
    usual = drivers.warnings if drivers else ()
    return Group(
        builds=tuple((choice.name, choice.build, _shown(choice, kept)) for choice in stack.frameworks),
        python=stack.python,
        requirements=tuple(asked),
        constraints=(*held, *_others(stack, kept, there)),
        indexes=tuple(
            (f"{choice.name}-{choice.build}", _mirrored(choice.index, profile), own[choice.name])
            for choice in stack.frameworks
            if own[choice.name]
        ),
        why=tuple(_why(stack, kept)),
        warnings=tuple(each for each in stack.warnings if each not in usual or each.startswith("support of Python ")),
    )


def _kept(stack: Stack, there: Sequence[Wheel], wish: Wish, frameworks: tuple[str, ...]) -> tuple[Stack, Wheel | None]:
    """Return the build that the machine keeps beside its index, and the stack with it; it is there to be used.

    On the processor any release will do, with a GPU only the one that was chosen.
    """
    from provision.knowledge.stack import NoSolutionError  # noqa: PLC0415 - as above

    chosen = {choice.name: choice for choice in stack.frameworks}
    fitting = [wheel for wheel in there if wheel.name in chosen and wheel.python in {"", *_pythons(wish)}] or [
        wheel for wheel in there if wheel.name in chosen and wish.python == AUTO
    ]
    for wheel in sorted(fitting, key=lambda wheel: (wheel.number, wheel.python == stack.python), reverse=True):
        choice = chosen[wheel.name]
        if stack.driver and (wheel.build != choice.build or not f"{wheel.version}.".startswith(f"{choice.version}.")):
            continue
        others = tuple(each for each in frameworks if each.partition("==")[0] != wheel.name)
        asked = next((each.partition("==")[2] for each in frameworks if each.partition("==")[0] == wheel.name), "")
        if asked and not f"{wheel.version}.".startswith(f"{asked.removesuffix('.*')}."):
            continue
        exact = replace(wish, python=wheel.python or wish.python)
        try:
            found = _resolved(exact, (f"{wheel.name}=={wheel.version}", *others))
        except (NoSolutionError, InputError):
            continue
        if any((each.name, each.build) == (wheel.name, wheel.build) for each in found.frameworks):
            return found, wheel
    return stack, None


def _pythons(wish: Wish) -> tuple[str, ...]:
    return () if wish.python == AUTO else (wish.python,)


def _own_packages(
    choice: FrameworkChoice, stack: Stack, kept: Wheel | None, packages: frozenset[str], there: Sequence[Wheel]
) -> tuple[str, ...]:
    """Return what has to come from the index of a framework's build: the framework, and what is built for that build."""
    if not choice.index:
        return ()
    beside = companions(choice.name)
    if not kept or kept.name != choice.name:
        return (choice.name, *(name for name in beside.packages if name in {*packages, *beside.always}))
    brought = any(other.name in beside.brought_by for other in stack.frameworks)
    wanted = {*packages, *(beside.always if brought else ())}
    own = {wheel.name for wheel in there if wheel.build == kept.build}
    return tuple(name for name in beside.packages if name in wanted - own)


def _others(stack: Stack, kept: Wheel | None, there: Sequence[Wheel]) -> Iterator[str]:
    """Yield what keeps uv from builds that lie beside the index and are not the chosen one: it would rank some of them higher."""
    for choice in stack.frameworks:
        names = {choice.name, *companions(choice.name).packages} - ({kept.name} if kept else set())
        for wheel in there:
            if wheel.name in names and wheel.build != choice.build:
                yield f"{wheel.name}!={wheel.version}+{wheel.build}"


def _mirrored(index: str, profile: Profile) -> str:
    """Return an index's address, or that of its copy: the longest beginning that has one counts."""
    for before in sorted(profile.pip.mirrors, key=len, reverse=True):
        if f"{index}/".startswith(f"{before}/"):
            return profile.pip.mirrors[before] + index.removeprefix(before)
    return index


def _shown(choice: FrameworkChoice, kept: Wheel | None) -> str:
    version = kept.version if kept and kept.name == choice.name else choice.version
    return f"{choice.name} {version}" + ("" if choice.build == PLAIN else f" ({choice.build})")


def _why(stack: Stack, kept: Wheel | None) -> Iterator[str]:
    if kept:
        named = f" for Python {kept.python}" if kept.python else ""
        yield f"{kept.name} {kept.version}+{kept.build}{named} is kept on the machine, beside its package index"
    told = [f"{choice.name} " for choice in stack.frameworks if not kept or choice.name != kept.name]
    told += [] if kept and kept.python else ["Python "]
    yield from (reason for reason in stack.reasons if reason.startswith(tuple(told)))
