"""The rows of the tables: what is known of GPUs, drivers, toolkits, systems and framework builds, each with its source.

Compute capabilities are text (`7.5`), branches whole numbers (`580`), dates ISO text (`2028-06-30`, empty where unknown).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

OPEN = "open"
PROPRIETARY = "proprietary"


@cache
def number(version: str) -> tuple[int, ...]:
    """Return a dotted version as it compares: `570.26` is older than `570.124.06`, and an unknown (empty) one than all."""
    return tuple(int(part) for part in version.split(".")) if version else ()


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A row: a key of `sources.toml`, the source's date (when it was read, where it has none), and how good the evidence is.

    `mark`: P checked in the artefact itself, D the vendor's documentation, G a repository or an issue, S a third party,
    I not confirmed (people are warned where such a row decides).
    """

    source: str
    date: str
    mark: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Source(Fact):
    """Where facts come from: `source` is the key that rows use, `title` what it is, `date` its own or when it was read."""

    title: str


@dataclass(frozen=True, kw_only=True)
class Architecture(Fact):
    """A generation of GPUs.

    `first_branch` to `last_branch` (0: none has dropped it yet) support it. `flavours` are the kernel modules it works with,
    the recommended one first.
    """

    name: str
    first_branch: int
    last_branch: int = 0
    flavours: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Chip(Fact):
    """A chip: its code (`TU104`), architecture, capability (empty: unknown); `flavours` where they are not the architecture's."""

    code: str
    architecture: str
    capability: str
    flavours: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A PCI device: `pci` is `10de:1e84`; `first_driver` the first release that lists it (empty where none tells)."""

    pci: str
    chip: Chip
    architecture: Architecture
    name: str
    first_driver: str = ""
    flavours: tuple[str, ...] = ()
    """The kernel module flavours that drive it, the recommended one first."""

    @property
    def capability(self) -> str:
        """Its compute capability."""
        return self.chip.capability


@dataclass(frozen=True, kw_only=True)
class Branch(Fact):
    """A driver branch: `kind` is `LTSB`, `PB`, `NFB`, `legacy`, or empty where NVIDIA has not said."""

    number: int
    kind: str
    newest: str
    """Its newest build; empty where none was seen."""
    end_of_life: str = ""
    flavours: tuple[str, ...]
    """The flavours NVIDIA ships packages of."""

    @property
    def long_supported(self) -> bool:
        """Whether it is a production or long-term branch."""
        return self.kind in {"LTSB", "PB"}


@dataclass(frozen=True, kw_only=True)
class DriverOffer(Fact):
    """A branch that an origin (`ubuntu`, `nvidia`, `debian`) has for a system; `version` is the newest seen there.

    `becomes` is the branch its packages turn into by themselves (transitional packages), 0 when they stay.
    """

    origin: str
    system: str
    branch: int
    version: str
    flavours: tuple[str, ...]
    becomes: int = 0


@dataclass(frozen=True, kw_only=True)
class DriverPackages(Fact):
    """What to install: for an origin's branches `first_branch` to `last_branch` (0: no end), a flavour and a use.

    `use` is `desktop` (with X and Wayland) or `compute`. In `packages`, `{branch}` and `{kernel}` (`generic`,
    `generic-hwe-24.04`, `amd64`) are filled in. `signed`: the modules come built, signed with a key that shim trusts; else
    DKMS builds them on the machine. `systems` empty: all. `kernels` are the kernel flavours that modules are built for; a row
    without any is for every flavour that no other row of the same origin, branch, flavour and use names.
    """

    origin: str
    use: str
    flavour: str
    first_branch: int
    last_branch: int = 0
    systems: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    packages: tuple[str, ...]
    signed: bool


@dataclass(frozen=True, kw_only=True)
class Toolkit(Fact):
    """A CUDA toolkit line (`12.8`): the driver it came with, the capabilities it compiles for, the newest gcc it accepts."""

    version: str
    driver: str
    """The driver with which everything in it works; empty where it is not known."""
    capabilities: tuple[str, ...]
    gcc: int

    @property
    def major(self) -> int:
        """Its CUDA major version."""
        return number(self.version)[0]


@dataclass(frozen=True, kw_only=True)
class Runtime(Fact):
    """The oldest driver that runs a CUDA major version at all (minor-version compatibility)."""

    major: int
    driver: str


@dataclass(frozen=True, kw_only=True)
class ToolkitOffer(Fact):
    """A toolkit that an origin (`nvidia`, `debian`, `ubuntu`) has for a system, and the packages that bring it."""

    origin: str
    system: str
    version: str
    packages: tuple[str, ...]
    cudnn: tuple[str, ...] = ()
    """Packages of the matching cuDNN and NCCL, as the origin calls them."""
    nccl: tuple[str, ...] = ()
    cudnn_version: str = ""
    """The only cuDNN the origin has there; empty: every release of NVIDIA's."""


@dataclass(frozen=True, kw_only=True)
class System(Fact):
    """A distribution release (`ubuntu-24.04`): its default gcc, the other compilers it has, its Python, and its support's end."""

    id: str
    name: str
    codename: str
    gcc: int
    compilers: tuple[int, ...]
    python: str
    support_ends: str
    extended_ends: str = ""
    origins: tuple[str, ...] = ()
    """Where its drivers come from, the usual origin first."""
    kernel: str = "generic"
    """The flavour of its usual kernel packages; `{architecture}` is filled in."""
    architectures: tuple[str, ...] = ("amd64",)
    """For which its offers were read; elsewhere they are taken to be the same, and people are warned."""
    repository: str
    """NVIDIA's name for it (`ubuntu2404`)."""
    key: str
    """The full fingerprint of the key that signs NVIDIA's repository for it."""


@dataclass(frozen=True, kw_only=True)
class Repository(Fact):
    """A repository's address (with `{system}` and `{architecture}`), the key's file in it by fingerprint, its Release label."""

    origin: str
    uri: str
    label: str
    keys: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Build(Fact):
    """One build of a framework release (`torch` `2.14` `cu126`).

    `capabilities` are compiled in (an entry runs on devices of the same major and an equal or higher minor capability),
    `ptx` are compiled when the program starts (an entry runs on equal or higher capabilities). `index` is the address of its
    own package index, empty for the machine's. `wants` are (name, at least, below) of other frameworks.
    """

    framework: str
    version: str
    build: str
    cuda: str
    """The CUDA line of its libraries (`12.6`; `12` for any of a major), empty for a build that brings none of its own."""
    pythons: tuple[str, ...]
    capabilities: tuple[str, ...]
    ptx: tuple[str, ...] = ()
    index: str = ""
    requirement: str
    """What pip is asked for, such as `torch==2.14.*`."""
    cudnn: str = ""
    """Which cuDNN it takes: an exact version, or a range it floats in."""
    wants: tuple[tuple[str, str, str], ...] = ()
    architecture: str = "amd64"
    """Debian's name of what it runs on; empty: any."""


@dataclass(frozen=True, kw_only=True)
class Cudnn(Fact):
    """cuDNN 9 for a CUDA major: `newest` needs `capability` or higher; `last_before` is the last release that did not."""

    major: int
    newest: str
    capability: str
    last_before: str = ""


@dataclass(frozen=True, kw_only=True)
class PythonRelease(Fact):
    """A Python: when its support ends, and its place among those that packages are built for (0 first)."""

    version: str
    support_ends: str
    rank: int


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """All tables."""

    sources: tuple[Source, ...]
    architectures: tuple[Architecture, ...]
    chips: tuple[Chip, ...]
    gpus: tuple[Gpu, ...]
    branches: tuple[Branch, ...]
    drivers: tuple[DriverOffer, ...]
    packages: tuple[DriverPackages, ...]
    toolkits: tuple[Toolkit, ...]
    runtimes: tuple[Runtime, ...]
    toolkit_offers: tuple[ToolkitOffer, ...]
    systems: tuple[System, ...]
    repositories: tuple[Repository, ...]
    builds: tuple[Build, ...]
    cudnn: tuple[Cudnn, ...]
    pythons: tuple[PythonRelease, ...]
