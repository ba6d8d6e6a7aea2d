"""Why each thing was chosen, in short sentences."""

from __future__ import annotations

from collections.abc import Iterator

from provision.knowledge.drivers import Driver, candidates, installed, installed_origin, past
from provision.knowledge.frameworks import CPU, clash, compiled_late, dropped, options
from provision.knowledge.model import Build
from provision.knowledge.model import number as rank
from provision.knowledge.question import Framework
from provision.knowledge.solution import Solution
from provision.knowledge.stack import AUTO
from provision.knowledge.toolkits import Kit, uncovered
from provision.knowledge.words import card_name, generations, listed, module_kinds, origin_name


def reasons(found: Solution) -> tuple[str, ...]:
    """Return one sentence a choice, the driver's first."""
    said = [*_driver(found), *_toolkits(found), *_cudnn(found), *_environment(found)]
    return tuple(dict.fromkeys(said))


def _driver(found: Solution) -> Iterator[str]:
    driver, question = found.driver, found.question
    if driver is None:
        yield "no NVIDIA GPU, so no driver, and frameworks compute on the processor"
        return
    yield _branch(found, driver)
    flavours = {flavours for card in question.cards if len(flavours := card.flavours) == 1}
    narrow = [card for card in question.kinds if card.flavours in flavours]
    if narrow:
        yield f"{module_kinds(narrow)} works with the {driver.flavour} kernel module only"
    elif question.wish.flavour != AUTO:
        yield f"the {driver.flavour} kernel module was asked for"
    elif driver.flavour == question.cards[0].flavours[0]:
        yield f"the {driver.flavour} kernel module is the recommended one for {generations(question.cards)}"
    elif installed(driver, question):
        yield f"the {driver.flavour} kernel module is installed, and drives {generations(question.cards)} too"
    else:
        yield f"{origin_name(driver.offer.origin)} has the {driver.flavour} kernel module of {driver.branch.number} only"
    yield from _origin(found, driver)


def _branch(found: Solution, driver: Driver) -> str:
    number = driver.branch.number
    if driver.asked:
        return f"{driver.asked} was asked for, and its packages turn into {number} by themselves"
    return f"{number} was asked for" if found.question.branch else _chosen(found, driver)


def _chosen(found: Solution, driver: Driver) -> str:
    question, number = found.question, driver.branch.number
    kinds = generations(question.cards)
    lasts = [kind for kind in question.architectures if kind.last_branch == number]
    if lasts:
        return f"{number} is the last branch that drives {listed(kind.name for kind in lasts)}"
    if installed(driver, question):
        return _kept(found, driver)
    newer = [other.branch for other in candidates(question) if other.branch.number > number]
    if past(driver.branch, question):
        whose = f" from {origin_name(driver.offer.origin)}" if newer else ""
        return f"{number} is the newest branch for {kinds}{whose} on {question.system.name}, though its support has ended"
    if not driver.branch.long_supported:
        return f"{number} is the newest branch for {kinds} that is still supported"
    lasting = any(branch.long_supported and not past(branch, question) for branch in newer)
    signed = " with signed modules" if driver.row.signed else f" from {origin_name(driver.offer.origin)}"
    return f"{number} is the newest long-supported branch for {kinds}{signed if lasting else ''}"


def _kept(found: Solution, driver: Driver) -> str:
    """Return why the driver that is installed stays."""
    branch, name = driver.branch, origin_name(driver.offer.origin)
    if past(branch, found.question):
        return f"{branch.number} is installed, and {name} has nothing for {found.question.system.name} that is still supported"
    until = f", supported until {branch.end_of_life}" if branch.end_of_life else ""
    full = all(kit.full for kit in found.kits)
    return f"{branch.number} is installed{until} and {'does' if full else 'runs'} all that is wanted"


def _origin(found: Solution, driver: Driver) -> Iterator[str]:
    wish, name = found.question.wish, origin_name(driver.offer.origin)
    signs = any(row.signed for row in found.question.knowledge.packages if row.origin == driver.offer.origin)
    if signs and not driver.row.signed:
        yield f"{name} has no signed modules of {driver.branch.number} for the {found.question.kernel} kernel: DKMS builds them"
    if driver.row.signed:
        state = {True: "with Secure Boot on", False: "with or without Secure Boot", None: "whether Secure Boot is on or not"}
        yield f"{name}'s modules are built and signed already, so they load {state[wish.secure_boot]}"
    elif wish.origin != AUTO:
        yield f"drivers from {name} were asked for"
    elif installed_origin(driver, found.question):
        yield f"what is installed is from {name}, and goes to no other origin unasked"
    elif driver.offer.origin == found.question.system.origins[0]:
        yield f"{name}'s packages are the usual ones for {found.question.system.name}"
    else:
        yield f"only {name} has {driver.branch.number} for {found.question.system.name}"


def _toolkits(found: Solution) -> Iterator[str]:
    for kit in found.kits:
        yield _toolkit(found, kit)
        if kit.gcc:
            yield (
                f"CUDA {kit.toolkit.version} accepts gcc up to {kit.toolkit.gcc}, {found.question.system.name} comes with "
                f"{found.question.system.gcc}, so gcc {kit.gcc} is installed beside it"
            )


def _toolkit(found: Solution, kit: Kit) -> str:
    version, driver = kit.toolkit.version, found.driver
    if version in found.question.wish.toolkits:
        return f"CUDA {version} was asked for"
    if driver is None:
        return f"CUDA {version} is the newest"
    newer = [row for row in found.question.knowledge.toolkits if rank(row.version) > rank(version)]
    if newer and all(uncovered(row, found.question) for row in newer):
        return f"CUDA {version} is the newest that still compiles for {generations(found.question.cards)}"
    return f"CUDA {version} is the newest here that driver {driver.branch.number} supports in full"


def _cudnn(found: Solution) -> Iterator[str]:
    row = dropped(found.question, found.kits[0].toolkit.major) if found.kits else None
    if row and not found.kits[0].offer.cudnn_version:
        old = generations(card for card in found.question.kinds if rank(card.capability) < rank(row.capability))
        yield f"cuDNN stays at {row.last_before}, the last release for {old}"


def _environment(found: Solution) -> Iterator[str]:
    question, builds = found.question, found.environment.builds
    asked = {framework.name: framework for framework in question.frameworks}
    for build in builds:
        yield _framework(found, build, asked.get(build.framework))
    python = found.environment.python
    if question.wish.python != AUTO:
        yield f"Python {python} was asked for"
    elif python == question.system.python:
        yield f"Python {python} is {question.system.name}'s own"
    else:
        names = listed(build.framework for build in builds if question.system.python not in build.pythons)
        yield f"Python {python} because {names} has no build for {question.system.name}'s own {question.system.python}"


def _framework(found: Solution, build: Build, asked: Framework | None) -> str:
    what = f"{build.framework} {build.version}" + (f" ({build.build})" if build.cuda or build.build == CPU else "")
    if asked is None:
        wanting = next(other.framework for other in found.environment.builds if build.framework in {w[0] for w in other.wants})
        return f"{what} comes along because {wanting} is built on it"
    if asked.version:
        return f"{what} was asked for"
    best = options(asked, found.question, found.driver)[0]
    if best is not build:
        rivals = [other for other in found.environment.builds if other is not build and clash(best, other)]
        beside = f"beside {listed(other.framework for other in rivals)}" if rivals else "that shares a Python with the others"
        return f"{what} is the newest {beside}"
    if not build.cuda:
        return f"{what} is the newest"
    late = compiled_late(build, found.question)
    if late:
        return f"{what} is the newest, and the driver compiles it for {listed(f'the {card_name(card)}' for card in late)}"
    return f"{what} is the newest with code for {listed(f'the {card_name(card)}' for card in found.question.kinds)}"
