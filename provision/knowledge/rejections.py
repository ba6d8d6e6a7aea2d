"""Why the alternatives were not taken: one line a branch, an origin, a toolkit, a release, that a person would ask about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provision.knowledge import frameworks, toolkits
from provision.knowledge.drivers import Driver, installed, installed_origin, misfits, offered, past, preference, unwished
from provision.knowledge.frameworks import alone, clash, releases
from provision.knowledge.model import Branch, Build, number
from provision.knowledge.question import Framework, Question
from provision.knowledge.solution import Solution
from provision.knowledge.stack import AUTO, Rejected
from provision.knowledge.words import generations, listed, module_kinds, origin_name

_RUN = 3
"""From as many neighbours on, they are written as a range."""


def rejected(found: Solution) -> tuple[Rejected, ...]:
    """Return the alternatives to each choice, those with the same reason in one line."""
    every = [*_branches(found), *_flavour(found), *_origins(found), *_toolkits(found), *_releases(found)]
    return tuple(Rejected(choice=choice, because=because) for choice, because in _grouped(every))


def _grouped(pairs: Iterable[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """Join the choices of one kind and reason, newest first, neighbours as a range: `driver 620, 555 to 575`."""
    groups: dict[tuple[str, str], list[list[str]]] = {}
    before: tuple[str, str] | None = None
    for kind, choice, because in pairs:
        runs = groups.setdefault((kind, because), [])
        if before == (kind, because):
            runs[-1].append(choice)
        else:
            runs.append([choice])
        before = (kind, because)
    return [(f"{kind} {', '.join(map(_run, runs))}", because) for (kind, because), runs in groups.items()]


def _run(choices: list[str]) -> str:
    return f"{choices[-1]} to {choices[0]}" if len(choices) >= _RUN else ", ".join(choices)


def _branches(found: Solution) -> Iterator[tuple[str, str, str]]:
    if found.driver is None:
        return
    question, own = found.question, found.driver
    drivers = list(offered(question))
    here = {driver.asked or driver.branch.number for driver in drivers}
    for branch in sorted(question.knowledge.branches, key=lambda row: row.number, reverse=True):
        if branch.number not in {own.branch.number, own.asked} and (branch.number in here or branch.number > own.branch.number):
            having = [driver for driver in drivers if (driver.asked or driver.branch.number) == branch.number]
            yield "driver", str(branch.number), _branch(branch, having, found, own)


def _branch(branch: Branch, having: list[Driver], found: Solution, own: Driver) -> str:
    """Return why `branch`, which the drivers in `having` are of, was not taken."""
    if not having:
        return f"not offered for {found.question.system.name}"
    direct = [driver for driver in having if not driver.asked]
    if not direct:
        return f"becomes {having[0].branch.number} by itself, through transitional packages"
    wrong = [misfits(driver, found.question) for driver in direct]
    if all(wrong):
        fewest = min(len(whys) for whys in wrong)
        return listed(next(whys for whys in wrong if len(whys) == fewest))
    return _passed_over(branch, direct, found, own)


def _passed_over(branch: Branch, direct: list[Driver], found: Solution, own: Driver) -> str:
    """Return why a branch was not taken that the cards would run on."""
    question = found.question
    if past(branch, question) and not question.branch:
        return f"past its end of life since {branch.end_of_life}"
    if all(unwished(driver, question) for driver in direct):
        return f"{own.asked or own.branch.number} was asked for" if question.branch else "not of the origin and flavour asked for"
    fitting = [driver for driver in direct if not (unwished(driver, question) or misfits(driver, question))]
    best = max(fitting, key=lambda row: preference(row, question), default=None)
    if best is None:
        return "not of the origin and flavour asked for"
    if preference(best, question) > preference(own, question):
        return _lacks(best, question)
    elsewhere = installed_origin(own, question) and not installed_origin(best, question)
    if elsewhere and branch.long_supported:
        return f'only from {origin_name(best.offer.origin)}; `[nvidia] origin = "{best.offer.origin}"` moves there'
    return _beside_installed(best, own) if installed(own, question) and not elsewhere else _worse(best, own)


def _beside_installed(driver: Driver, own: Driver) -> str:
    """Return why a driver that would do does not take the place of one that does already."""
    number, until = driver.branch.number, driver.branch.end_of_life
    if number < own.branch.number:
        return f"would do{f', supported until {until}' if until else ''}; {own.branch.number} is installed"
    kind = "newer" if driver.branch.long_supported else f"newer, {_short_lived(driver.branch)}"
    return f'{kind}; `[nvidia] branch = "{number}"` moves to it'


def _short_lived(branch: Branch) -> str:
    return "a new-feature branch" if branch.kind == "NFB" else "not known to be supported for long"


def _lacks(driver: Driver, question: Question) -> str:
    """Return what does not go together with a driver that would otherwise have been taken."""
    for version in question.wish.toolkits:
        toolkit = question.toolkit(version)
        if toolkit and (why := toolkits.unfit(toolkit, question, driver)):
            return f"CUDA {version} {why}"
    for framework in question.frameworks:
        if alone(framework, question, driver) is None:
            return f"no build of {framework} works with it"
    return "no toolkit and frameworks go together with it"


def _worse(driver: Driver, own: Driver) -> str:
    branch = driver.branch
    if own.branch.long_supported and not branch.long_supported:
        kind = _short_lived(branch)
        return f"{kind}, not signed" if own.row.signed and not driver.row.signed else kind
    if own.row.signed and not driver.row.signed:
        return "not signed"
    if driver.offer.origin != own.offer.origin and branch.number >= own.branch.number:
        return f"only from {origin_name(driver.offer.origin)}"
    until = f", supported until {branch.end_of_life}" if branch.end_of_life else ""
    return f"would do{until}; {own.branch.number} is newer"


def _flavour(found: Solution) -> Iterator[tuple[str, str, str]]:
    own, question = found.driver, found.question
    if own is None:
        return
    other = {"open": "proprietary", "proprietary": "open"}[own.flavour]
    impossible = [card for card in question.kinds if other not in card.flavours]
    if impossible:
        yield "module", other, f"does not drive {module_kinds(impossible)}"
    elif question.wish.flavour == AUTO and other in own.offer.flavours:
        better = own.flavour == question.cards[0].flavours[0]
        why = f"what NVIDIA recommends for {generations(question.cards)}" if better else "installed"
        yield "module", other, f"would do; {own.flavour} is {why}"


def _origins(found: Solution) -> Iterator[tuple[str, str, str]]:
    own, question = found.driver, found.question
    if own is None or question.wish.origin != AUTO:
        return
    drivers = list(offered(question))
    for origin in dict.fromkeys((*question.system.origins, *(driver.offer.origin for driver in drivers))):
        theirs = [driver for driver in drivers if driver.offer.origin == origin and not driver.asked]
        if origin != own.offer.origin and theirs:
            yield "origin", origin_name(origin), _other_origin(theirs, own, question)


def _other_origin(theirs: list[Driver], own: Driver, question: Question) -> str:
    fitting = [driver for driver in theirs if not misfits(driver, question)]
    branches = sorted({driver.branch.number for driver in fitting or theirs})
    if not fitting:
        return f"has {listed(map(str, branches))} only, and {listed(misfits(max(theirs, key=_by_branch), question))}"
    if all(past(driver.branch, question) for driver in fitting):
        return f"has {listed(map(str, branches))}, past {'their' if len(branches) > 1 else 'its'} end of life"
    if own.row.signed and not any(driver.row.signed for driver in fitting):
        return "builds its modules here with DKMS, so under Secure Boot a key has to be enrolled at the console"
    if installed_origin(own, question):
        signed = ", with signed modules" if any(driver.row.signed for driver in fitting) else ""
        return f'would do{signed}; `[nvidia] origin = "{fitting[0].offer.origin}"` moves there'
    return f"would do; {origin_name(own.offer.origin)} is the usual origin on {question.system.name}"


def _by_branch(driver: Driver) -> int:
    return driver.branch.number


def _toolkits(found: Solution) -> Iterator[tuple[str, str, str]]:
    """Yield the lines newer than what was taken, where the newest was wanted."""
    question = found.question
    if AUTO not in question.wish.toolkits or found.driver is None:
        return
    own = max((number(kit.toolkit.version) for kit in found.kits), default=(0,))
    for toolkit in sorted(question.knowledge.toolkits, key=lambda row: number(row.version), reverse=True):
        if number(toolkit.version) > own:
            why = toolkits.unfit(toolkit, question, found.driver)
            if not why and toolkit.driver:
                why = f"needs driver {toolkit.driver} for all its features"
            yield "CUDA", toolkit.version, why or "which driver has all its features is not known"


def _releases(found: Solution) -> Iterator[tuple[str, str, str]]:
    """Yield the releases newer than what was taken, and the other builds of what was taken."""
    question, versions = found.question, {framework.name: framework for framework in found.question.frameworks}
    for build in found.environment.builds:
        asked = versions.get(build.framework, Framework(name=build.framework))
        newer: dict[str, list[Build]] = {}
        for row in sorted(releases(asked, question), key=lambda row: number(row.version), reverse=True):
            if number(row.version) > number(build.version):
                newer.setdefault(row.version, []).append(row)
        for version, builds in newer.items():
            yield build.framework, version, _release(builds, found)
        for other in releases(asked, question):
            if (
                other.version == build.version
                and other.build != build.build
                and (other.build == frameworks.CPU) == (not build.cuda)
            ):
                yield f"{build.framework} {build.version}", other.build, _other_build(other, build, found)


def _other_build(other: Build, taken: Build, found: Solution) -> str:
    question, driver = found.question, found.driver
    if why := frameworks.unfit(other, question, driver):
        return why
    for build in found.environment.builds:
        if build is not taken and (why := clash(other, build)):
            return why
    if not frameworks.full(other, question, driver):
        return f"made with CUDA {other.cuda}, which driver {driver.branch.number if driver else 0} does not support in full"
    return f"would do; {taken.build} is newer"


def _release(builds: list[Build], found: Solution) -> str:
    """Return why none of the builds of one release was taken: the reason of the build that came nearest."""
    question, driver = found.question, found.driver
    others = [build for build in found.environment.builds if build.framework != builds[0].framework]
    single = {build.build: frameworks.unfit(build, question, driver) for build in builds}
    whys = [why for build, why in single.items() if why and not (driver and build == frameworks.CPU)]
    fitting = [build for build in builds if not single[build.build]]
    for build in fitting:
        clashes = [why for other in others if (why := clash(build, other))]
        if clashes:
            return clashes[0]
    if fitting:
        return f"shares no Python with {listed(other.framework for other in others)}"
    return listed(dict.fromkeys(whys)) if whys else "only for the processor"
