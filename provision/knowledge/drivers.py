"""Which drivers there are for a question, and in which order they are tried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provision.knowledge.model import Branch, DriverOffer, DriverPackages, Gpu
from provision.knowledge.question import Question, at_least
from provision.knowledge.stack import AUTO
from provision.knowledge.words import card_name


@dataclass(frozen=True, kw_only=True)
class Driver:
    """A branch in one flavour, as an origin has it for the system; `asked` is the branch whose packages turn into it, else 0."""

    branch: Branch
    offer: DriverOffer
    flavour: str
    row: DriverPackages
    asked: int = 0

    @property
    def version(self) -> str:
        """The newest version seen there."""
        return self.offer.version

    def packages(self, question: Question) -> tuple[str, ...]:
        """Return the names of its packages on the question's machine."""
        return tuple(name.format(branch=self.branch.number, kernel=question.kernel) for name in self.row.packages)


def offered(question: Question) -> Iterator[Driver]:
    """Yield every driver that some origin has for the system and use, whatever cards and wishes say."""
    knowledge, system = question.knowledge, question.system
    use = "desktop" if question.wish.desktop else "compute"
    offers = [offer for offer in knowledge.drivers if offer.system == system.id]
    for offer in offers:
        actual, asked = offer, 0
        if offer.becomes:
            same_origin = (row for row in offers if row.origin == offer.origin and not row.becomes)
            found = next((row for row in same_origin if row.branch == offer.becomes), None)
            if found is None:
                continue
            actual, asked = found, offer.branch
        rows = [row for row in knowledge.packages if row.use == use and _brings(row, actual)]
        built = {row.flavour for row in rows if question.kernel in row.kernels}
        for row in rows:
            if question.kernel in row.kernels or not (row.kernels or row.flavour in built):
                branch = question.branch_row(actual.branch)
                yield Driver(branch=branch, offer=actual, flavour=row.flavour, row=row, asked=asked)


def _brings(row: DriverPackages, offer: DriverOffer) -> bool:
    return (
        row.origin == offer.origin
        and row.flavour in offer.flavours
        and row.first_branch <= offer.branch <= (row.last_branch or offer.branch)
        and (not row.systems or offer.system in row.systems)
    )


def candidates(question: Question) -> list[Driver]:
    """Return the drivers that every card has and that were wished for, the best first."""
    found = [driver for driver in offered(question) if not unwished(driver, question) and not misfits(driver, question)]
    return sorted(found, key=lambda driver: preference(driver, question), reverse=True)


def unwished(driver: Driver, question: Question) -> bool:
    """Whether something else was asked for by name."""
    wish = question.wish
    return (
        (driver.asked or driver.branch.number) != (question.branch or driver.branch.number)
        or wish.flavour not in {AUTO, driver.flavour}
        or wish.origin not in {AUTO, driver.offer.origin}
    )


def misfits(driver: Driver, question: Question) -> tuple[str, ...]:
    """Return why cards do not work with `driver`; empty when all do."""
    return tuple(dict.fromkeys(why for card in question.kinds if (why := misfit(driver, card))))


def misfit(driver: Driver, card: Gpu) -> str:
    """Return why `card` does not work with `driver`, empty when it does."""
    kind, branch = card.architecture, driver.branch.number
    if branch < kind.first_branch:
        return f"{kind.name} needs {kind.first_branch} or newer"
    if kind.last_branch and branch > kind.last_branch:
        return f"no longer drives {kind.name}, {kind.last_branch} was the last"
    if driver.flavour not in card.flavours:
        return f"{kind.name} needs the {card.flavours[0]} module"
    if card.first_driver and not at_least(driver.version, card.first_driver):
        return f"{driver.version} does not know the {card_name(card)} yet, {card.first_driver} does"
    return ""


def preference(driver: Driver, question: Question) -> tuple[bool, bool, bool, bool, bool, int, int, bool, int]:
    """Return how good `driver` is, as a value that compares: what matters most comes first.

    A driver is not torn down that is fine, and nobody's packages give way to another's unasked.
    """
    wish, origins = question.wish, question.system.origins
    signed_matters = wish.secure_boot is not False
    place = origins.index(driver.offer.origin) if driver.offer.origin in origins else len(origins)
    flavours = question.cards[0].flavours if question.cards else ()
    return (
        installed_origin(driver, question),
        not past(driver.branch, question),
        installed(driver, question),
        driver.branch.long_supported,
        driver.row.signed or not signed_matters,
        -place,
        driver.branch.number,
        driver.row.signed,
        -flavours.index(driver.flavour) if driver.flavour in flavours else 0,
    )


def installed_origin(driver: Driver, question: Question) -> bool:
    """Whether a driver from the same origin is installed."""
    there = question.wish.installed
    return there is not None and there.origin == driver.offer.origin


def installed(driver: Driver, question: Question) -> bool:
    """Whether this very branch and flavour is installed, from this origin as far as that is known."""
    there = question.wish.installed
    return (
        there is not None
        and there.branch == driver.branch.number
        and there.flavour in {"", driver.flavour}
        and there.origin in {"", driver.offer.origin}
    )


def past(branch: Branch, question: Question) -> bool:
    """Whether a branch is past its end of life."""
    return bool(branch.end_of_life) and branch.end_of_life < question.wish.today.isoformat()
