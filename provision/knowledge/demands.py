"""What a question demands, piece by piece: each card and each wish, how it is said, and the wish without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from provision.knowledge.drivers import offered
from provision.knowledge.frameworks import CPU, by_ptx, native, releases
from provision.knowledge.model import Gpu, number
from provision.knowledge.question import Framework, Question, covers
from provision.knowledge.stack import AUTO, Wish
from provision.knowledge.toolkits import compiler, offers
from provision.knowledge.words import capability_range, card_and_kind, card_name, listed, origin_name


@dataclass(frozen=True, kw_only=True, eq=False)
class Demand:
    """A card or a wish; `about` is what kind of thing it is, `without` takes it out of a wish."""

    about: str
    without: Callable[[Wish], Wish]
    sentence: Callable[[Question, frozenset[str]], str]

    def says(self, question: Question, core: Sequence[Demand]) -> str:
        """Return what it demands, as far as it matters among the demands of `core`."""
        return self.sentence(question, frozenset(demand.about for demand in core))


def demands(question: Question) -> tuple[Demand, ...]:
    """Return the demands of a question, what is easiest to give up first."""
    wish = question.wish
    found = [_framework(framework, text) for framework, text in zip(question.frameworks, _texts(wish), strict=True)]
    if wish.python != AUTO:
        found.append(_simple("python", f"Python {wish.python} was asked for"))
    found += [_toolkit(version) for version in wish.toolkits if version != AUTO]
    if wish.flavour != AUTO:
        found.append(_simple("flavour", f"the {wish.flavour} module was asked for"))
    if wish.origin != AUTO:
        found.append(_origin(wish.origin))
    if wish.branch != AUTO:
        found.append(_branch(wish.branch))
    return (*found, *(_card(card) for card in question.kinds))


def _texts(wish: Wish) -> tuple[str, ...]:
    return tuple(dict.fromkeys(wish.frameworks))


def _simple(field: str, text: str) -> Demand:
    return Demand(about=field, without=lambda wish: replace(wish, **{field: AUTO}), sentence=lambda _question, _core: text)  # type: ignore[arg-type]  # a field whose neutral value is `auto`


def _card(card: Gpu) -> Demand:
    kind = card.architecture
    module = f"the {card.flavours[0]} module" if len(card.flavours) == 1 else ""
    branches = f"from {kind.first_branch} to {kind.last_branch}" if kind.last_branch else f"{kind.first_branch} or newer"
    driver = f"driver {kind.first_branch}" if kind.first_branch == kind.last_branch else f"driver {branches}"
    needs = listed(part for part in (module, driver) if part)

    def without(wish: Wish) -> Wish:
        return replace(wish, gpus=tuple(pci for pci in wish.gpus if pci.lower() != card.pci))

    def sentence(question: Question, core: frozenset[str]) -> str:
        if core & {"toolkit", "framework"} and card in uncovered(question):
            return f"{card_name(card)} ({kind.name}) has compute capability {card.capability}"
        return f"{card_and_kind(card)} needs {needs}"

    return Demand(about="card", without=without, sentence=sentence)


def uncovered(question: Question) -> list[Gpu]:
    """Return the cards for which a toolkit or a framework that was asked for has no code at all, whatever the driver."""
    toolkits = [row for version in question.wish.toolkits if (row := question.toolkit(version))]
    wanted = [[build for build in releases(framework, question) if build.cuda] for framework in question.frameworks]
    return [
        card
        for card in question.kinds
        if any(not covers(row.capabilities, card.capability) for row in toolkits)
        or any(builds and not any(native(build, card) or by_ptx(build, card) for build in builds) for builds in wanted)
    ]


def _branch(branch: str) -> Demand:
    def sentence(question: Question, _core: frozenset[str]) -> str:
        found = [driver for driver in offered(question) if (driver.asked or driver.branch.number) == int(branch)]
        missing = "" if found else f", which nobody offers for {question.system.name}"
        return f"driver {branch} was asked for{missing}"

    return Demand(about="branch", without=lambda wish: replace(wish, branch=AUTO), sentence=sentence)


def _origin(origin: str) -> Demand:
    def sentence(question: Question, _core: frozenset[str]) -> str:
        found = {driver.branch.number for driver in offered(question) if driver.offer.origin == origin}
        has = f"has {listed(map(str, sorted(found)))}" if found else "has none"
        return f"a driver from {origin_name(origin)} was asked for, which {has} for {question.system.name}"

    return Demand(about="origin", without=lambda wish: replace(wish, origin=AUTO), sentence=sentence)


def _toolkit(version: str) -> Demand:
    def sentence(question: Question, core: frozenset[str]) -> str:
        toolkit = question.toolkit(version)
        if toolkit is None or not offers(version, question):
            return f"CUDA {version} is not offered for {question.system.name}"
        if compiler(toolkit, question.system) is None:
            return f"CUDA {version} accepts gcc up to {toolkit.gcc}"
        if "card" in core and uncovered(question):
            return f"CUDA {version} compiles for {capability_range(toolkit.capabilities)}"
        return f"CUDA {version} needs driver {question.floor(toolkit.major)} or newer"

    def without(wish: Wish) -> Wish:
        return replace(wish, toolkits=tuple(other for other in wish.toolkits if other != version))

    return Demand(about="toolkit", without=without, sentence=sentence)


def _framework(framework: Framework, text: str) -> Demand:
    def sentence(question: Question, core: frozenset[str]) -> str:
        builds = [build for build in releases(framework, question) if build.build != CPU or not question.cards]
        if not builds:
            return f"{framework} has no build for {question.wish.architecture}"
        cuda = [build for build in builds if build.cuda]
        majors = sorted({number(build.cuda)[0] for build in cuda})
        parts = []
        if cuda and "card" in core:
            parts.append(f"is built for {capability_range({one for build in cuda for one in build.capabilities})}")
        if cuda and core & {"branch", "origin", "card"} and not (parts and uncovered(question)):
            parts.append(f"needs driver {question.floor(majors[0])} or newer")
        if "python" in core:
            pythons = sorted({one for build in builds for one in build.pythons}, key=number)
            parts.append(f"is built for Python {pythons[0]} to {pythons[-1]}")
        if not parts and majors:
            parts.append(f"comes with CUDA {listed(map(str, majors), 'or')}")
        if not parts:
            parts += [f"wants {name} {least} to below {below}" for build in builds[:1] for name, least, below in build.wants]
        return f"{framework} {listed(parts) or 'was asked for'}"

    def without(wish: Wish) -> Wish:
        return replace(wish, frameworks=tuple(other for other in wish.frameworks if other != text))

    return Demand(about="framework", without=without, sentence=sentence)


def system_says(question: Question, core: Sequence[Demand]) -> str:
    """Return what the system has, as far as it matters among the demands of `core`."""
    system, about = question.system, {demand.about for demand in core}
    wanted = [row for version in question.wish.toolkits if (row := question.toolkit(version))]
    if "toolkit" in about and any(not offers(row.version, question) or compiler(row, system) is None for row in wanted):
        lines = sorted({row.version for row in question.knowledge.toolkit_offers if row.system == system.id}, key=number)
        gcc = listed(map(str, sorted({system.gcc, *system.compilers})), "or")
        return f"{system.name} has CUDA {listed(lines)}, and gcc {gcc}"
    having = sorted({driver.branch.number for driver in offered(question)})
    return f"{system.name} has {'drivers ' + listed(map(str, having)) if having else 'no driver'}"
