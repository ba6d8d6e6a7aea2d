"""The machine under examination: its facts, and what follows from them and the tables."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

from provision.facts.model import Driver, DriverModule, Facts, Gpu
from provision.knowledge import model as known
from provision.knowledge import tables
from provision.knowledge.package_name import upstream

APPLY = "provision apply nvidia"
NVIDIA_DRIVERS = frozenset({"nvidia", "nvidia-current"})
"""What the kernel calls NVIDIA's driver when it is bound to a card."""


@dataclass(frozen=True)
class Card:
    """A GPU on the bus, and what the tables know of it."""

    there: Gpu
    known: known.Gpu | None

    @property
    def name(self) -> str:
        """Its name, as people say it."""
        if self.known is not None:
            return self.known.name
        return self.there.name or f"GPU {self.there.pci}"


@dataclass(frozen=True)
class Case:
    """One machine; `today` decides what is past its end of life."""

    facts: Facts
    today: dt.date

    @property
    def driver(self) -> Driver:
        """The driver as it is."""
        return self.facts.driver

    @cached_property
    def cards(self) -> tuple[Card, ...]:
        """NVIDIA's GPUs on the bus."""
        return tuple(Card(gpu, tables.gpu(gpu.pci)) for gpu in self.facts.nvidia_gpus)

    @cached_property
    def known_cards(self) -> tuple[known.Gpu, ...]:
        """What the tables know of the GPUs, without those they do not know."""
        return tuple(card.known for card in self.cards if card.known is not None)

    @property
    def installed(self) -> bool:
        """Whether there is any trace of a driver."""
        driver = self.driver
        return bool(driver.packages or driver.modules or driver.runfile or driver.loaded or driver.library)

    @property
    def uncollected(self) -> bool:
        """Whether the facts are from a provision that did not look at the driver: it is in use, and nothing is said of it."""
        return not self.installed and any(card.there.driver in NVIDIA_DRIVERS for card in self.cards)

    def module(self, kernel: str) -> DriverModule | None:
        """Return the `nvidia` module on disk for `kernel`."""
        return next((module for module in self.driver.modules if module.kernel == kernel), None)

    @cached_property
    def running_module(self) -> DriverModule | None:
        """The module on disk for the running kernel."""
        return self.module(self.facts.kernel.running)

    @cached_property
    def next_module(self) -> DriverModule | None:
        """The module on disk for the kernel that boots next."""
        return self.module(self.facts.kernel.next)

    @cached_property
    def _modules(self) -> tuple[DriverModule, ...]:
        wanted = tuple(module for module in (self.next_module, self.running_module) if module is not None)
        return wanted or self.driver.modules

    @cached_property
    def version(self) -> str:
        """The driver's version: of the module that loads next, else of what else there is of it."""
        packaged = (upstream(package.version) for package in self.driver.packages)
        found = (*(module.version for module in self._modules), *packaged, self.driver.loaded, self.driver.library)
        return next((version for version in found if version), "")

    @cached_property
    def branch(self) -> int:
        """The driver's branch (`580`), 0 where nothing tells."""
        first = self.version.partition(".")[0]
        return int(first) if first.isdecimal() else 0

    @cached_property
    def flavour(self) -> str:
        """The flavour of the module that loads next, else of the loaded one; empty where nothing tells."""
        found = (*(module.flavour for module in self._modules), self.driver.loaded_flavour)
        return next((flavour for flavour in found if flavour), "")

    @property
    def dkms(self) -> bool:
        """Whether DKMS builds the driver's modules here."""
        return bool(self.driver.dkms)

    @property
    def container(self) -> bool:
        """Whether no kernel is installed here: another machine's boots."""
        return not self.facts.kernel.next and not self.driver.kernels

    def log(self, *words: str) -> tuple[str, ...]:
        """Return the log's last two lines that hold one of `words`, in any case."""
        lines = [line.strip() for line in self.driver.log if any(word.lower() in line.lower() for word in words)]
        return tuple(lines[-2:])
