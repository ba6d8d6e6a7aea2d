"""A wish beside the rows of the tables that bear on it, read plainly: no code is shared with the resolver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from provision.knowledge.model import Build, DriverOffer, DriverPackages, Gpu, Knowledge, System, Toolkit, ToolkitOffer
from provision.knowledge.stack import AUTO, Wish
from provision.knowledge.tables import knowledge

CPU = "cpu"


def parts(version: str) -> tuple[int, ...]:
    """Return a version as it compares: `570.26` before `570.124.06`, `595.84` like `595.84.0`, nothing before everything."""
    found = [int(part) for part in version.split(".") if version]
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)


def runs(entry: str, capability: str) -> bool:
    """Tell whether code compiled for `entry` runs on a device: the same major, an equal or higher minor; an unknown one: no."""
    entry_major, _dot, entry_minor = entry.partition(".")
    have_major, _dot, have_minor = capability.partition(".")
    return entry_major == have_major and int(entry_minor) <= int(have_minor)


def starts(entry: str, capability: str) -> bool:
    """Tell whether PTX for `entry` can be compiled on a device: any equal or higher capability."""
    return tuple(map(int, entry.split("."))) <= tuple(map(int, capability.split("."))) if capability else False


def compiled_for(build: Build, card: Gpu) -> bool:
    """Tell whether a framework's build has code for a card."""
    return any(runs(entry, card.capability) for entry in build.capabilities)


def major(build: Build) -> int:
    """Return the CUDA major version of a build's libraries, 0 for none of its own."""
    return int(build.cuda.partition(".")[0]) if build.cuda else 0


def plain(build: Build) -> bool:
    """Tell whether a build is pure Python, and so has no opinion on GPUs."""
    return not build.cuda and build.build != CPU


def matches(wanted: str, version: str) -> bool:
    """Tell whether `2.14` was meant by a wish for `2.14`, `2.14.0` or `2`."""
    shorter, longer = sorted((wanted.split("."), version.split(".")), key=len)
    return longer[: len(shorter)] == shorter


def asked(wish: Wish) -> dict[str, str]:
    """Return the frameworks wished for, with the version wished for or an empty text."""
    return {name: version for name, _equals, version in (each.partition("==") for each in wish.frameworks)}


def within(version: str, least: str, below: str) -> bool:
    """Tell whether a version is in a range; an empty end is open."""
    return (not least or parts(least) <= parts(version)) and (not below or parts(version) < parts(below))


@dataclass(frozen=True)
class Question:
    """A wish beside the rows that bear on it."""

    wish: Wish
    tables: Knowledge = field(default_factory=knowledge)

    @property
    def nvidia(self) -> list[str]:
        """The ids of NVIDIA's cards."""
        return [pci for pci in self.wish.gpus if pci.lower().startswith("10de:")]

    @cached_property
    def cards(self) -> list[Gpu]:
        """The cards that the tables know."""
        rows = {row.pci: row for row in self.tables.gpus}
        return [rows[pci.lower()] for pci in self.nvidia if pci.lower() in rows]

    @cached_property
    def unknown(self) -> list[str]:
        """The ids of NVIDIA's that no table has."""
        known = {row.pci for row in self.tables.gpus}
        return [pci for pci in self.nvidia if pci.lower() not in known]

    @cached_property
    def builds(self) -> list[Build]:
        """The framework builds for the machine's processor."""
        return [row for row in self.tables.builds if row.architecture in {"", self.wish.architecture}]

    @cached_property
    def system(self) -> System:
        """The distribution's row."""
        return next(row for row in self.tables.systems if row.id == self.wish.system)

    def drives(self, offer: DriverOffer, flavour: str) -> bool:
        """Tell whether an offered branch, in a flavour, drives every card."""
        return flavour in offer.flavours and all(
            card.architecture.first_branch <= offer.branch
            and (not card.architecture.last_branch or offer.branch <= card.architecture.last_branch)
            and (not card.first_driver or parts(card.first_driver) <= parts(offer.version))
            and flavour in card.flavours
            for card in self.cards
        )

    def wished(self, offer: DriverOffer, flavour: str) -> bool:
        """Tell whether an offered branch is what was wished for, or what its packages turn into."""
        wish = self.wish
        turned = {
            row.becomes
            for row in self.tables.drivers
            if (row.origin, row.system) == (offer.origin, offer.system) and str(row.branch) == wish.branch
        }
        return (
            (wish.origin in {AUTO, offer.origin})
            and (wish.flavour in {AUTO, flavour})
            and (wish.branch in {AUTO, str(offer.branch)} or offer.branch in turned)
        )

    def recipes(self, offer: DriverOffer, flavour: str) -> list[DriverPackages]:
        """Return the rows that say what to install for an offered branch, those for this use if there are any."""
        rows = [
            row
            for row in self.tables.packages
            if (row.origin, row.flavour) == (offer.origin, flavour)
            and row.first_branch <= offer.branch
            and (not row.last_branch or offer.branch <= row.last_branch)
            and (not row.systems or offer.system in row.systems)
        ]
        use = "desktop" if self.wish.desktop else "compute"
        rows = [row for row in rows if row.use == use] or rows
        kernel = self.wish.kernel or self.system.kernel
        return [row for row in rows if kernel in row.kernels] or [row for row in rows if not row.kernels]

    def offers(self) -> Iterator[tuple[DriverOffer, str]]:
        """Yield each offered branch and flavour that drives every card and was wished for."""
        for offer in self.tables.drivers:
            for flavour in ("open", "proprietary"):
                here = offer.system == self.wish.system and not offer.becomes and self.recipes(offer, flavour)
                if here and self.drives(offer, flavour) and self.wished(offer, flavour):
                    yield offer, flavour

    def floor(self, cuda: int) -> tuple[int, ...]:
        """Return the oldest driver that runs a CUDA major version."""
        return next((parts(row.driver) for row in self.tables.runtimes if row.major == cuda), ())

    def takes(self, build: Build, card: Gpu, driver: str) -> bool:
        """Tell whether a framework's build runs on a card, if need be by compiling when it starts.

        A driver compiles PTX of the toolkits that it knows; which of a CUDA major's toolkits it was is not always told.
        """
        if compiled_for(build, card):
            return True
        made_with = [row for row in self.tables.toolkits if build.cuda in {row.version, str(row.major)}]
        known = made_with and all(row.driver and parts(row.driver) <= parts(driver) for row in made_with)
        return bool(known) and any(starts(entry, card.capability) for entry in build.ptx)

    def compiler(self, toolkit: Toolkit) -> int | None:
        """Return the compiler to select for a toolkit, 0 for the system's own, `None` for none."""
        if self.system.gcc <= toolkit.gcc:
            return 0
        return max((each for each in self.system.compilers if each <= toolkit.gcc), default=None)

    def toolkits(self, version: str = "") -> Iterator[tuple[Toolkit, ToolkitOffer]]:
        """Yield the toolkits that are offered here, compile for every card and have a compiler, maybe of one version."""
        for toolkit in self.tables.toolkits:
            for offer in self.tables.toolkit_offers:
                if (offer.system, offer.version) != (self.wish.system, toolkit.version) or version not in {"", toolkit.version}:
                    continue
                covered = all(any(runs(entry, card.capability) for entry in toolkit.capabilities) for card in self.cards)
                if covered and self.compiler(toolkit) is not None:
                    yield toolkit, offer
