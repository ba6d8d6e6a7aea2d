"""Facts: what the machine is, as frozen values that replay from JSON.

Collected by the agent, so the standard library only.
"""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass
from typing import Any

from provision.errors import InputError

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class System:
    """The distribution, from os-release through `distro`."""

    id: str
    version: str
    codename: str
    name: str
    architecture: str
    """Debian's name: `amd64`, `arm64`."""
    glibc: str = ""
    """The C library's version, such as `2.36`; empty where it is another library, or not known."""


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """The running kernel release, and the one that boots next (empty when no kernel is installed, as in a container)."""

    running: str
    next: str = ""
    command_line: str = ""
    packages: tuple[str, ...] = ()
    """The packages that bring each new kernel and its headers (`linux-image-generic-hwe-24.04`, `linux-headers-amd64`)."""


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """The processor."""

    model: str
    cores: int
    threads: int
    level: str = ""
    """What compilers may count on: `x86_64_v3`; empty for processors that are not x86-64, and where it is not known."""


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A display controller on the PCI bus; `pci` is `vendor:device` in hexadecimal (`10de:1e84`)."""

    slot: str
    pci: str
    name: str = ""
    driver: str = ""
    """The kernel driver bound to it, such as `nouveau`."""

    @property
    def nvidia(self) -> bool:
        """Whether NVIDIA made it."""
        return self.pci.startswith("10de:")


@dataclass(frozen=True, kw_only=True)
class DriverModule:
    """An `nvidia` kernel module on disk; `name` is Debian's `nvidia-current` where it is called so."""

    kernel: str
    name: str
    path: str
    version: str = ""
    flavour: str = ""
    """`open` or `proprietary`, by its licence; empty where it cannot be told."""
    signer: str = ""
    """Whose signature it bears; empty when unsigned."""


@dataclass(frozen=True, kw_only=True)
class InstalledKernel:
    """A kernel in `/boot`, whether modules can be built for it, and whether a package still owns it."""

    release: str
    headers: bool
    owned: bool = True


@dataclass(frozen=True, kw_only=True)
class DriverPackage:
    """An installed package of the driver; `origin` is `ubuntu`, `nvidia`, `debian`, `ppa`, or empty where apt no longer knows."""

    name: str
    version: str
    origin: str = ""
    held: bool = False
    sound: bool = True
    """Whether it is fully installed, not left half-way."""


@dataclass(frozen=True, kw_only=True)
class DkmsBuild:
    """What DKMS has of a driver for a kernel (empty: for none yet); `state` is `added`, `built`, `installed` or `failed`."""

    name: str
    version: str
    kernel: str = ""
    state: str = ""


@dataclass(frozen=True, kw_only=True)
class Driver:
    """The NVIDIA driver as it is; empty where there is neither a GPU of NVIDIA's nor a trace of a driver."""

    loaded: str = ""
    """Version of the loaded module."""
    loaded_flavour: str = ""
    library: str = ""
    """Version of `libnvidia-ml.so.1`."""
    nouveau: str = ""
    """The free driver that is loaded: `nouveau`, `nova_core`, or none."""
    nouveau_blocked: bool = False
    """Whether modprobe's configuration blocks nouveau."""
    modules: tuple[DriverModule, ...] = ()
    kernels: tuple[InstalledKernel, ...] = ()
    packages: tuple[DriverPackage, ...] = ()
    dkms: tuple[DkmsBuild, ...] = ()
    runfile: str = ""
    """The uninstaller that NVIDIA's `.run` installer left."""
    sources: tuple[str, ...] = ()
    """What apt is configured with besides the distribution: `nvidia`, `ppa`."""
    mok_enrolled: bool | None = None
    """Whether the key that DKMS signs with is enrolled; `None` where it cannot be known."""
    users: tuple[str, ...] = ()
    """Programs that hold the GPU, and containers that may: `python3 (pid 4242, me)`."""
    persistence: bool | None = None
    """Whether the persistence daemon runs; `None` where it is not installed."""
    throttle: tuple[str, ...] = ()
    """Why the GPU runs slower than it could, in nvidia-smi's words."""
    log: tuple[str, ...] = ()
    """Lines of this boot's kernel log about the GPU and its driver, oldest first, at most 40."""


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A block device."""

    name: str
    size: int
    """Bytes."""
    rotational: bool
    model: str = ""


@dataclass(frozen=True, kw_only=True)
class Filesystem:
    """A mounted file system."""

    at: str
    source: str
    type: str
    size: int
    """Bytes."""
    free: int
    """Bytes an ordinary user can still write."""
    read_only: bool


@dataclass(frozen=True, kw_only=True)
class Interface:
    """A network interface; addresses without a prefix length."""

    name: str
    mac: str
    up: bool
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Person:
    """A user who may log in (uid 1000 to 59999, or root)."""

    name: str
    uid: int
    home: str
    shell: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PipSettings:
    """What pip is configured with on this machine, so that uv fetches from the same places.

    URLs that carry credentials are not collected: they stay on the machine, where uv reads them itself.
    """

    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    certificates: str = ""
    wheels: tuple[str, ...] = ()
    """Names of the files in folders of `find_links` that are builds of a framework: `torch-2.13.0+cpu-cp311-cp311-….whl`."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything a role may ask about a machine."""

    hostname: str
    system: System
    kernel: Kernel
    cpu: Cpu
    memory: int
    """Bytes."""
    gpus: tuple[Gpu, ...] = ()
    disks: tuple[Disk, ...] = ()
    filesystems: tuple[Filesystem, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    people: tuple[Person, ...] = ()
    login: str = "root"
    """Who called: the login user before sudo."""
    privileged: bool = True
    """Whether the agent runs as root."""
    efi: bool = False
    secure_boot: bool | None = None
    """`None` where it cannot be known."""
    virtualization: str = "none"
    """systemd-detect-virt's word: `none`, `kvm`, `systemd-nspawn`…"""
    systemd: bool = True
    """Whether systemd is PID 1."""
    python: str = ""
    """The version of `/usr/bin/python3`."""
    timezone: str = ""
    locale: str = ""
    boot_id: str = ""
    date: str = ""
    """The day by the machine's own clock (UTC, `2026-11-22`); empty where it was not asked."""
    pip: PipSettings = PipSettings()
    driver: Driver = Driver()
    chassis: str = ""
    """`desktop`, `laptop`, `server`, `vm`, `container`, or empty where the firmware does not say."""
    desktop: bool = False
    """Whether a display manager is installed."""
    schema: int = SCHEMA

    @property
    def nvidia_gpus(self) -> tuple[Gpu, ...]:
        """The GPUs NVIDIA made."""
        return tuple(gpu for gpu in self.gpus if gpu.nvidia)

    def person(self, name: str) -> Person | None:
        """Return the user called `name`."""
        return next((person for person in self.people if person.name == name), None)


def dump(facts: Facts) -> dict[str, Any]:
    """Return `facts` as JSON-able data."""
    return dataclasses.asdict(facts)


def _build(cls: Any, data: Any, where: str) -> Any:  # noqa: ANN401 - any of the dataclasses above
    if not isinstance(data, dict):
        raise InputError(f"facts: `{where}` must be an object")
    hints = typing.get_type_hints(cls)
    unknown = set(data) - set(hints)
    if unknown:
        raise InputError(f"facts: unknown field `{where}.{min(unknown)}`")
    values = {name: _convert(hints[name], value, f"{where}.{name}") for name, value in data.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise InputError(f"facts: `{where}` is incomplete: {error}") from error


def _convert(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401 - a value of the type `hint` names
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, where)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, (list, tuple)):
            raise InputError(f"facts: `{where}` must be a list")
        inner = typing.get_args(hint)[0]
        return tuple(_convert(inner, item, f"{where}[{index}]") for index, item in enumerate(value))
    allowed = typing.get_args(hint) or (hint,)
    if type(value) not in allowed:
        raise InputError(f"facts: `{where}` has the wrong type: {value!r}")
    return value


def load(data: dict[str, Any]) -> Facts:
    """Return the facts that `dump` described; raises `InputError` with the field at fault, or for a newer schema."""
    if isinstance(data, dict) and isinstance(data.get("schema"), int) and data["schema"] > SCHEMA:
        raise InputError(f"facts of schema {data['schema']} need a newer provision (this one knows {SCHEMA})")
    facts: Facts = _build(Facts, data, "facts")
    return facts
