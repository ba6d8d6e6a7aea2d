"""Which builds of the wanted frameworks go together in one environment, and on which Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from provision.knowledge.drivers import Driver
from provision.knowledge.model import Build, Cudnn, Gpu, number
from provision.knowledge.question import Framework, Question, at_least, covers
from provision.knowledge.stack import AUTO
from provision.knowledge.words import card_name, listed

CPU = "cpu"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Builds that share one environment, in the order they were asked for, and their Python."""

    builds: tuple[Build, ...]
    python: str

    def build(self, name: str) -> Build | None:
        """Return the build of framework `name`."""
        return next((build for build in self.builds if build.framework == name), None)


def environment(question: Question, driver: Driver | None) -> Environment | None:
    """Return the newest builds that go together (earlier frameworks first in doubt), `None` when none do."""
    found = next(_together((), question.frameworks, question, driver), None)
    if found is None:
        return None
    return Environment(builds=found, python=_python(found, question))


def alone(framework: Framework, question: Question, driver: Driver | None) -> Build | None:
    """Return the newest build of one framework, were it alone in its environment."""
    found = environment(replace(question, frameworks=(framework,)), driver)
    return found.build(framework.name) if found else None


def _together(
    taken: tuple[Build, ...], left: tuple[Framework, ...], question: Question, driver: Driver | None
) -> Iterator[tuple[Build, ...]]:
    """Yield the ways to add the frameworks in `left` to `taken`, newest first."""
    if not left:
        if _pythons(taken, question):
            yield taken
        return
    for build in options(left[0], question, driver):
        if not any(clash(build, other) for other in taken) and _pythons((*taken, build), question):
            have = {framework.name for framework in left} | {other.framework for other in taken}
            needed = tuple(Framework(name=name) for name, _, _ in build.wants if name not in have)
            yield from _together((*taken, build), (*left[1:], *needed), question, driver)


def options(framework: Framework, question: Question, driver: Driver | None) -> list[Build]:
    """Return the builds of a framework that fit the machine by themselves, the newest first.

    Of one release, those come first that the cards run as they are, of the newest CUDA major, and of those the newest that the
    driver supports in full.
    """
    fitting = [build for build in releases(framework, question) if not unfit(build, question, driver)]

    def rank(build: Build) -> tuple[object, ...]:
        cuda = number(build.cuda) if build.cuda else (0,)
        return number(build.version), not compiled_late(build, question), cuda[0], full(build, question, driver), cuda

    return sorted(fitting, key=rank, reverse=True)


def releases(framework: Framework, question: Question) -> list[Build]:
    """Return the builds of what was asked for, for the machine's architecture."""
    rows = (row for row in question.knowledge.builds if row.framework == framework.name and framework.takes(row.version))
    return [row for row in rows if row.architecture in {"", question.wish.architecture}]


def unfit(build: Build, question: Question, driver: Driver | None) -> str:
    """Return why `build` does not work on the machine, empty when it does."""
    if driver is None and build.cuda:
        return "there is no NVIDIA GPU"
    if driver is not None and build.build == CPU:
        return "it computes on the processor"
    if driver is not None and build.cuda and (why := _unfit_for_cards(build, question, driver)):
        return why
    if question.wish.python not in {AUTO, *build.pythons}:
        return f"not for Python {question.wish.python}"
    return ""


def _unfit_for_cards(build: Build, question: Question, driver: Driver) -> str:
    left_out = [card for card in question.kinds if not (native(build, card) or by_ptx(build, card))]
    if left_out:
        return f"no code for {listed(f'{card_name(card)} ({card.capability})' for card in left_out)}"
    floor = question.floor(number(build.cuda)[0])
    if not at_least(driver.version, floor):
        return f"needs driver {floor} or newer"
    late = compiled_late(build, question)
    if late and not full(build, question, driver):
        return f"has no machine code for {listed(map(card_name, late))}, and driver {driver.branch.number} cannot compile it"
    row = dropping(build, question)
    if row and _exact(build.cudnn):
        return f"brings cuDNN {build.cudnn}, and {row.last_before} was the last for cards before {row.capability}"
    return ""


def native(build: Build, card: Gpu) -> bool:
    """Whether `build` holds machine code for `card`."""
    return covers(build.capabilities, card.capability)


def by_ptx(build: Build, card: Gpu) -> bool:
    """Whether the driver can compile code of `build` for `card`."""
    return any(number(card.capability) >= number(least) for least in build.ptx)


def compiled_late(build: Build, question: Question) -> tuple[Gpu, ...]:
    """Return the cards for which the driver compiles `build` at its first start."""
    return tuple(card for card in question.kinds if build.cuda and not native(build, card))


def clash(build: Build, other: Build) -> str:
    """Return why two builds do not share an environment, empty when they do."""
    for one, two in ((build, other), (other, build)):
        for name, least, below in one.wants:
            if name == two.framework and not _between(two.version, least, below):
                return f"{one.framework} {one.version} wants {name} {least} to below {below}"
    majors = [part.cuda.partition(".")[0] for part in (build, other)]
    if all(majors) and majors[0] != majors[1]:
        # Both unpack cuDNN, NCCL and others to the same folders of `site-packages/nvidia`.
        return f"libraries of CUDA {majors[0]} and CUDA {majors[1]} overwrite one another"
    if build.cudnn and other.cudnn and not _cudnn_agrees(build.cudnn, other.cudnn):
        return f"{build.framework} takes cuDNN {build.cudnn}, {other.framework} {other.cudnn}"
    return ""


def dropping(build: Build, question: Question) -> Cudnn | None:
    """Return the row of the cuDNN that pip would take for `build`, if that has dropped one of the cards."""
    if not build.cuda or not build.cudnn:
        return None
    row = dropped(question, number(build.cuda)[0])
    if row is None:
        return None
    exact = _exact(build.cudnn)
    return row if (number(exact) > number(row.last_before) if exact else _cudnn_agrees(row.newest, build.cudnn)) else None


def loose(builds: tuple[Build, ...], question: Question) -> Cudnn | None:
    """Return the row of the cuDNN of which pip would take a release that has dropped a card: no build pins another."""
    pinned = {number(build.cuda)[0] for build in builds if build.cuda and _exact(build.cudnn)}
    rows = (dropping(build, question) for build in builds)
    return next((row for row in rows if row and row.major not in pinned), None)


def dropped(question: Question, major: int) -> Cudnn | None:
    """Return the row of cuDNN for CUDA `major` if its newest release has dropped one of the cards."""
    rows = (row for row in question.knowledge.cudnn if row.major == major and row.last_before)
    old = [number(card.capability) for card in question.kinds]
    return next((row for row in rows if any(capability < number(row.capability) for capability in old)), None)


def _exact(cudnn: str) -> str:
    text = cudnn.removeprefix("==")
    return text if re.fullmatch(r"\d+(\.\d+)*", text) else ""


def _cudnn_agrees(one: str, two: str) -> bool:
    exact_one, exact_two = _exact(one), _exact(two)
    if exact_one and exact_two:
        return number(exact_one) == number(exact_two)
    exact, span = (exact_one, two) if exact_one else (exact_two, one)
    bounds = dict(re.findall(r"(>=|<)\s*(\d+(?:\.\d+)*)", span))
    return not exact or _between(exact, bounds.get(">=", ""), bounds.get("<", ""))


def _between(version: str, least: str, below: str) -> bool:
    return (not least or number(version) >= number(least)) and (not below or number(version) < number(below))


def full(build: Build, question: Question, driver: Driver | None) -> bool:
    """Whether the driver is as new as the toolkit that `build` was made with, so that it also compiles its PTX.

    Where only the CUDA major is known (`12`), it may have been any of its toolkits.
    """
    if driver is None or not build.cuda:
        return True
    exact = question.toolkit(build.cuda)
    toolkits = [exact] if exact else [row for row in question.knowledge.toolkits if str(row.major) == build.cuda]
    return bool(toolkits) and all(row.driver and at_least(driver.version, row.driver) for row in toolkits)


def _pythons(builds: tuple[Build, ...], question: Question) -> list[str]:
    """Return the Pythons that all `builds` have, the best first."""
    known = [row.version for row in sorted(question.knowledge.pythons, key=lambda row: row.rank)]
    allowed = [version for version in known if all(version in build.pythons for build in builds)]
    return [version for version in allowed if question.wish.python in {AUTO, version}]


def _python(builds: tuple[Build, ...], question: Question) -> str:
    fitting = _pythons(builds, question)
    if question.wish.python != AUTO:
        return question.wish.python
    return question.system.python if question.system.python in fitting else fitting[0]
