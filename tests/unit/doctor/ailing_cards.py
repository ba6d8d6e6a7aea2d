"""Machines with something wrong with their cards or with how the driver was installed.

What breaks the sound machine, the findings expected in their order, and what the first one says to type.
"""

from __future__ import annotations

from dataclasses import replace

from provision.doctor import Severity
from provision.facts.model import Driver, Kernel
from tests.unit.doctor.patients import (
    ADA,
    BLACKWELL,
    INTEL,
    KEPLER,
    NO_DRIVER,
    OLDER,
    PACKAGES,
    PASCAL,
    RUNNING,
    TURING,
    UNKNOWN,
    VERSION,
    Ailment,
    both,
    bound,
    cards,
    driver,
    machine,
    module,
    package,
    xid,
)

BROKEN, RISK, NOTE = Severity.BROKEN, Severity.RISK, Severity.NOTE
NO_PPA = "sudo add-apt-repository --remove ppa:graphics-drivers/ppa"

AILING: dict[str, Ailment] = {
    # The card
    "no GPU, no driver": (both(driver(**vars(Driver())), cards(INTEL)), [("bus", NOTE)], "lspci -nn -d 10de:"),
    "a container without a GPU": (
        both(driver(**vars(Driver())), machine(gpus=(), kernel=Kernel(running=RUNNING))),
        [("bus", NOTE)],
        "lspci -nn -d 10de:",
    ),
    "a driver without a GPU": (cards(INTEL), [("bus", BROKEN)], "sudo poweroff"),
    "a virtual machine with a driver and no GPU": (
        both(cards(INTEL), machine(virtualization="kvm")),
        [("bus", BROKEN)],
        "lspci -nn -d 10de:",
    ),
    "a GPU that fell off and is gone": (
        both(cards(INTEL), driver(log=(xid(79, ", GPU has fallen off the bus."),))),
        [("bus", BROKEN)],
        "sudo poweroff",
    ),
    "a GPU nobody knows": (both(cards(UNKNOWN), driver(**vars(Driver()))), [("tables", BROKEN)], "provision knowledge check"),
    "one of two unknown": (
        cards(TURING, replace(UNKNOWN, driver="nvidia")),
        [("tables", RISK)],
        "provision knowledge check",
    ),
    "open on Pascal": (cards(PASCAL), [("flavour", BROKEN)], "provision apply nvidia"),
    "proprietary on Blackwell": (
        both(cards(BLACKWELL), driver(modules=(module(flavour="proprietary"),))),
        [("flavour", BROKEN)],
        "provision apply nvidia",
    ),
    "proprietary on Turing is fine": (driver(modules=(module(flavour="proprietary"),)), [], ""),
    "Pascal and Blackwell": (both(NO_DRIVER, bound("", PASCAL, BLACKWELL)), [("flavour", BROKEN)], "provision explain"),
    "Kepler and Ada share no branch": (
        both(cards(KEPLER, ADA), driver(modules=(module(flavour="proprietary"),))),
        [("branch", BROKEN)],
        "provision explain",
    ),
    "a branch that dropped the card": (
        both(cards(PASCAL), driver(modules=(module(flavour="proprietary"),))),
        [("branch", BROKEN)],
        "provision apply nvidia",
    ),
    "a card newer than the driver": (
        both(cards(BLACKWELL), driver(modules=(module(version="565.57.01"),), loaded="565.57.01", library="565.57.01")),
        [("branch", BROKEN)],
        "provision apply nvidia",
    ),
    "past its end of life": (
        driver(modules=(module(version="570.211.01"),), loaded="570.211.01", library="570.211.01"),
        [("support", RISK)],
        "provision apply nvidia",
    ),
    "the last branch of an old card": (
        both(
            cards(KEPLER),
            driver(modules=(module(version="470.256.02", flavour="proprietary"),), loaded="470.256.02", library="470.256.02"),
        ),
        [("support", NOTE)],
        "provision explain",
    ),
    # The packages
    "no driver": (NO_DRIVER, [("driver", BROKEN)], "provision apply nvidia"),
    "facts that say nothing of the driver": (driver(**vars(Driver())), [("driver", NOTE)], "provision doctor"),
    "two origins that have parted": (
        driver(packages=(*PACKAGES, package("nvidia-utils-595", "595.91.07-1ubuntu1", origin="nvidia")), library="595.91.07"),
        [("origins", BROKEN)],
        "sudo apt-get purge nvidia-utils-595 && provision apply nvidia",
    ),
    "two origins in step": (
        driver(packages=(*PACKAGES, package("nvidia-utils-595", f"{VERSION}-1", origin="nvidia"))),
        [("origins", RISK)],
        "sudo apt-get purge nvidia-utils-595 && provision apply nvidia",
    ),
    "a tool of another release from elsewhere": (
        driver(packages=(*PACKAGES, package("nvidia-settings", "610.57.04-1", origin="nvidia"), package("nvidia-prime", "0.8"))),
        [],
        "",
    ),
    "a PPA beside the archive": (
        driver(packages=(*PACKAGES, package("nvidia-utils-595", "595.91.07-1", origin="ppa")), sources=("ppa",)),
        [("origins", BROKEN)],
        f"{NO_PPA} && sudo apt-get purge nvidia-utils-595 && provision apply nvidia",
    ),
    "a PPA": (driver(sources=("nvidia", "ppa")), [("ppa", RISK)], NO_PPA),
    "a PPA that brought the driver": (
        driver(packages=tuple(replace(each, origin="ppa") for each in PACKAGES[3:]), sources=("ppa",)),
        [("ppa", RISK)],
        f"{NO_PPA} && sudo apt-get purge nvidia-driver-595-open && provision apply nvidia",
    ),
    "what a `.run` installer left is its log": (
        driver(runfile="/var/lib/nvidia/log"),
        [("runfile", BROKEN)],
        "sudo sh NVIDIA-Linux-*.run --uninstall && provision apply nvidia",
    ),
    "a `.run` installer under packages": (
        driver(runfile="/usr/bin/nvidia-uninstall", library=OLDER),
        [("runfile", BROKEN)],
        "sudo /usr/bin/nvidia-uninstall --silent && provision apply nvidia",
    ),
    "a `.run` installer alone": (
        driver(runfile="/usr/bin/nvidia-uninstall", packages=()),
        [("runfile", RISK)],
        "sudo /usr/bin/nvidia-uninstall --silent && provision apply nvidia",
    ),
    "a `.run` installer and a newer kernel": (
        both(
            bound("nouveau"), driver(runfile="/usr/bin/nvidia-uninstall", packages=(), modules=(), loaded="", nouveau="nouveau")
        ),
        [("runfile", BROKEN)],
        "sudo /usr/bin/nvidia-uninstall --silent && provision apply nvidia",
    ),
    "half-installed": (
        both(bound(""), driver(packages=(*PACKAGES, package("nvidia-dkms-595-open", sound=False)), modules=(), loaded="")),
        [("packages", BROKEN)],
        "sudo dpkg --configure -a && sudo apt-get --fix-broken install",
    ),
    "held, a library alone": (
        driver(packages=(replace(PACKAGES[0], held=True), *PACKAGES[1:])),
        [("held", RISK)],
        "sudo apt-mark unhold libnvidia-compute-595",
    ),
    "held, some of what comes along": (
        driver(
            packages=(
                replace(PACKAGES[0], held=True),
                *PACKAGES[1:3],
                replace(PACKAGES[3], held=True),
                package("libnvidia-gl-595"),
            )
        ),
        [("held", RISK)],
        "sudo apt-mark unhold libnvidia-compute-595",
    ),
    "held, what was asked for": (driver(packages=(*PACKAGES[:3], replace(PACKAGES[3], held=True))), [], ""),
    "held altogether": (driver(packages=tuple(replace(each, held=True) for each in PACKAGES)), [], ""),
}
