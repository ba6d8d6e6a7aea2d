"""Which CUDA toolkits fit a driver, the cards and the system's compilers."""

from __future__ import annotations

from dataclasses import dataclass

from provision.knowledge.drivers import Driver
from provision.knowledge.model import Gpu, System, Toolkit, ToolkitOffer, number
from provision.knowledge.question import Question, at_least, covers
from provision.knowledge.stack import AUTO
from provision.knowledge.words import card_and_kind, listed


@dataclass(frozen=True, kw_only=True)
class Kit:
    """A toolkit as an origin has it; `gcc` is the compiler to select (0: the system's); `full`: the driver carries all of it."""

    toolkit: Toolkit
    offer: ToolkitOffer
    gcc: int
    full: bool

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that bring it, with its compiler."""
        compiler = (f"gcc-{self.gcc}", f"g++-{self.gcc}") if self.gcc else ()
        return (*self.offer.packages, *compiler)


def kits(question: Question, driver: Driver | None) -> tuple[Kit, ...] | None:
    """Return the toolkits that were wished for, `None` when one of them does not fit."""
    found: dict[str, Kit] = {}
    for version in question.wish.toolkits:
        kit = newest(question, driver) if version == AUTO else fitted(version, question, driver)
        if kit is not None:
            found.setdefault(kit.toolkit.version, kit)
        elif version != AUTO:
            return None
    return tuple(found.values())


def newest(question: Question, driver: Driver | None) -> Kit | None:
    """Return the newest toolkit that the driver supports in full; none without a GPU."""
    if driver is None:
        return None
    fitting = [row for row in question.knowledge.toolkits if full(row, driver) and not unfit(row, question, driver)]
    best = max(fitting, key=_line, default=None)
    return fitted(best.version, question, driver) if best else None


def running(question: Question, driver: Driver) -> str:
    """Return the newest toolkit that runs with `driver` at all; empty when none does."""
    fitting = [row for row in question.knowledge.toolkits if not unfit(row, question, driver)]
    return max(fitting, key=_line).version if fitting else ""


def _line(toolkit: Toolkit) -> tuple[int, ...]:
    return number(toolkit.version)


def fitted(version: str, question: Question, driver: Driver | None) -> Kit | None:
    """Return toolkit `version` as the driver's own origin has it, else another; `None` when it does not fit."""
    toolkit = question.toolkit(version)
    if toolkit is None or unfit(toolkit, question, driver):
        return None
    own = driver.offer.origin if driver else ""
    offer = max(offers(version, question), key=lambda offer: offer.origin == own)
    return Kit(toolkit=toolkit, offer=offer, gcc=compiler(toolkit, question.system) or 0, full=full(toolkit, driver))


def full(toolkit: Toolkit, driver: Driver | None) -> bool:
    """Whether everything in `toolkit` works with `driver`."""
    return driver is None or (bool(toolkit.driver) and at_least(driver.version, toolkit.driver))


def offers(version: str, question: Question) -> list[ToolkitOffer]:
    """Return who has toolkit `version` for the system."""
    return [row for row in question.knowledge.toolkit_offers if (row.system, row.version) == (question.system.id, version)]


def compiler(toolkit: Toolkit, system: System) -> int | None:
    """Return the newest gcc of `system` that nvcc accepts, 0 for the default one, `None` when there is none."""
    if system.gcc <= toolkit.gcc:
        return 0
    return max((version for version in system.compilers if version <= toolkit.gcc), default=None)


def uncovered(toolkit: Toolkit, question: Question) -> list[Gpu]:
    """Return the cards that `toolkit` does not compile for."""
    return [card for card in question.kinds if not covers(toolkit.capabilities, card.capability)]


def unfit(toolkit: Toolkit, question: Question, driver: Driver | None) -> str:
    """Return why `toolkit` cannot be had, empty when it can."""
    if left_out := uncovered(toolkit, question):
        return f"does not compile for {listed(map(card_and_kind, left_out))}"
    floor = question.floor(toolkit.major)
    if driver is not None and not at_least(driver.version, floor):
        return f"needs driver {floor} or newer"
    if not offers(toolkit.version, question):
        return f"not offered for {question.system.name}"
    if compiler(toolkit, question.system) is None:
        return f"accepts gcc up to {toolkit.gcc}, which {question.system.name} does not have"
    return ""
