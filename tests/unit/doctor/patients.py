"""A machine whose GPU works, and ways to break it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from provision.doctor import Severity
from provision.facts.model import (
    Cpu,
    DkmsBuild,
    Driver,
    DriverModule,
    DriverPackage,
    Facts,
    Gpu,
    InstalledKernel,
    Kernel,
    System,
)

TODAY = dt.date(2026, 11, 22)
RUNNING, UPCOMING = "6.8.0-88-generic", "6.8.0-90-generic"
VERSION, OLDER = "595.84", "595.71.05"
TURING = Gpu(slot="0000:09:00.0", pci="10de:1e84", name="TU104 [GeForce RTX 2070 SUPER]", driver="nvidia")
PASCAL = Gpu(slot="0000:09:00.0", pci="10de:1b06", name="GP102 [GeForce GTX 1080 Ti]", driver="nvidia")
KEPLER = Gpu(slot="0000:09:00.0", pci="10de:1004", name="GK110 [GeForce GTX 780]", driver="nvidia")
ADA = Gpu(slot="0000:0a:00.0", pci="10de:2684", name="AD102 [GeForce RTX 4090]", driver="nvidia")
BLACKWELL = Gpu(slot="0000:0a:00.0", pci="10de:2b85", name="GB202 [GeForce RTX 5090]", driver="nvidia")
UNKNOWN = Gpu(slot="0000:0b:00.0", pci="10de:ffff", driver="")
INTEL = Gpu(slot="0000:00:02.0", pci="8086:3e92", name="CoffeeLake-S GT2 [UHD Graphics 630]", driver="i915")

Break = Callable[[Facts], Facts]
Ailment = tuple[Break, list[tuple[str, Severity]], str]
"""What breaks a machine; the questions that find it, and how bad; what to type first."""


def module(kernel: str = RUNNING, **more: Any) -> DriverModule:  # noqa: ANN401 - the module's own fields
    """Return a signed open module as Ubuntu ships it."""
    made: dict[str, Any] = {
        "kernel": kernel,
        "name": "nvidia",
        "path": f"/lib/modules/{kernel}/kernel/nvidia-595-open/nvidia.ko",
        "version": VERSION,
        "flavour": "open",
        "signer": "Canonical Ltd. Kernel Module Signing",
    }
    return DriverModule(**{**made, **more})


def package(name: str, version: str = f"{VERSION}-0ubuntu0.24.04.1", **more: Any) -> DriverPackage:  # noqa: ANN401 - as above
    return DriverPackage(name=name, version=version, **{"origin": "ubuntu", **more})


PACKAGES = (
    package("libnvidia-compute-595"),
    package(f"linux-modules-nvidia-595-open-{RUNNING}", "6.8.0-88.88+1"),
    package("linux-modules-nvidia-595-open-generic", "6.8.0-88.88"),
    package("nvidia-driver-595-open"),
)
SOUND = Facts(
    hostname="prometheus",
    system=System(id="ubuntu", version="24.04", codename="noble", name="Ubuntu 24.04.3 LTS", architecture="amd64"),
    kernel=Kernel(running=RUNNING, next=RUNNING, packages=("linux-headers-generic", "linux-image-generic")),
    cpu=Cpu(model="AMD Ryzen 7 3700X 8-Core Processor", cores=8, threads=16),
    memory=33_582_223_360,
    gpus=(TURING,),
    efi=True,
    secure_boot=True,
    driver=Driver(
        loaded=VERSION,
        loaded_flavour="open",
        library=VERSION,
        nouveau_blocked=True,
        modules=(module(),),
        kernels=(InstalledKernel(release=RUNNING, headers=True),),
        packages=PACKAGES,
        persistence=True,
        log=("nvidia: loading out-of-tree module taints kernel.",),
    ),
)


def driver(**more: Any) -> Break:  # noqa: ANN401 - the driver's own fields
    """Return what changes the driver of a machine."""
    return lambda facts: replace(facts, driver=replace(facts.driver, **more))


def machine(**more: Any) -> Break:  # noqa: ANN401 - the facts' own fields
    """Return what changes the machine itself."""
    return lambda facts: replace(facts, **more)


def cards(*gpus: Gpu) -> Break:
    """Return what puts other cards in."""
    return machine(gpus=gpus)


def both(*breaks: Break) -> Break:
    """Return what does several things to a machine."""

    def broken(facts: Facts) -> Facts:
        for each in breaks:
            facts = each(facts)
        return facts

    return broken


def bound(name: str, *gpus: Gpu) -> Break:
    """Return what gives the cards to another driver (empty: to none)."""
    return machine(gpus=tuple(replace(gpu, driver=name) for gpu in gpus or (TURING,)))


def upcoming(*modules: DriverModule, headers: bool = True, owned: bool = True, **more: Any) -> Break:  # noqa: ANN401 - the driver's fields
    """Return what installs a newer kernel that boots next, with the modules given."""
    kernels = (InstalledKernel(release=RUNNING, headers=True), InstalledKernel(release=UPCOMING, headers=headers, owned=owned))
    kernel = replace(SOUND.kernel, next=UPCOMING)
    return both(machine(kernel=kernel), driver(kernels=kernels, modules=(module(), *modules), **more))


def dkms(state: str = "installed", kernel: str = RUNNING) -> tuple[DkmsBuild, ...]:
    """Return what DKMS has of the driver."""
    return (DkmsBuild(name="nvidia", version=VERSION, kernel=kernel, state=state),)


NO_DRIVER = both(driver(**vars(Driver())), bound("nouveau"))
"""A machine as a fresh installation leaves it."""


def xid(code: int, text: str = "") -> str:
    """Return a line of the kernel's log."""
    return f"NVRM: Xid (PCI:0000:09:00): {code}, pid=4242, name=python3{text}"
