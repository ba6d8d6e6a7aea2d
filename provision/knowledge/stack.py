"""What is asked of the resolver, and what it answers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from provision.errors import ProvisionError
from provision.knowledge.model import Gpu

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class Installed:
    """The driver that is there already: `version` is NVIDIA's own; `origin` and `flavour` are empty where nothing tells."""

    branch: int
    origin: str
    flavour: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A machine and what is wanted on it; everything may be left to the resolver."""

    system: str
    """`ubuntu-24.04`."""
    gpus: tuple[str, ...]
    """PCI ids, one for each card."""
    today: dt.date
    secure_boot: bool | None = None
    architecture: str = "amd64"
    kernel: str = ""
    """The kernel's package flavour (`generic`, `generic-hwe-24.04`, `amd64`); empty: the system's usual one."""
    desktop: bool = True
    """Whether somebody sits in front of it: X and Wayland libraries come along."""
    branch: str = AUTO
    flavour: str = AUTO
    origin: str = AUTO
    toolkits: tuple[str, ...] = (AUTO,)
    """CUDA lines side by side; empty for none."""
    frameworks: tuple[str, ...] = ()
    """Names, or names with a version (`torch==2.14`), that share one environment."""
    python: str = AUTO
    installed: Installed | None = None
    """Kept where `auto` leaves a choice and it does what is wanted; `None` where there are no driver packages of one mind."""


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """An alternative, and why it was not taken."""

    choice: str
    because: str


@dataclass(frozen=True, kw_only=True)
class DriverChoice:
    """A driver: `minimum` is the oldest version that all that was chosen runs on; `signed` says Secure Boot takes it as it is."""

    branch: int
    version: str
    minimum: str
    flavour: str
    origin: str
    packages: tuple[str, ...]
    signed: bool


@dataclass(frozen=True, kw_only=True)
class ToolkitChoice:
    """A CUDA toolkit with its packages; `gcc` is the compiler to select (0: the system's own is accepted)."""

    version: str
    origin: str
    packages: tuple[str, ...]
    gcc: int = 0


@dataclass(frozen=True, kw_only=True)
class CudnnChoice:
    """cuDNN and NCCL of the matching line; `version` empty: the newest of the line. `constraint` is for pip, empty for none."""

    line: str
    version: str
    packages: tuple[str, ...]
    constraint: str = ""


@dataclass(frozen=True, kw_only=True)
class FrameworkChoice:
    """A framework's build; `index` is empty for the machine's own package index."""

    name: str
    version: str
    build: str
    index: str
    requirement: str


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What fits together on one machine, why, and why not the rest."""

    gpus: tuple[Gpu, ...]
    driver: DriverChoice | None
    toolkits: tuple[ToolkitChoice, ...] = ()
    """The first one is what `/usr/local/cuda` and PATH lead to."""
    cudnn: CudnnChoice | None = None
    python: str = ""
    frameworks: tuple[FrameworkChoice, ...] = ()
    reasons: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """Why nothing fits: the facts that exclude each other, and the nearest wish that would work."""

    because: tuple[str, ...]
    nearest: str = field(default="")


class NoSolutionError(ProvisionError):
    """Nothing fits; `conflict` says why."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(
            "no driver, CUDA and framework fit together here: " + "; ".join(conflict.because),
            hint=conflict.nearest,
        )
        self.conflict = conflict
