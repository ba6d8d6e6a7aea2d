"""What a machine has besides packages, as conda's solver asks for it: `__cuda`, `__glibc`, `__archspec`, `__linux`, `__unix`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provision.facts.model import Facts

if TYPE_CHECKING:
    from provision.knowledge.model import Toolkit

GLIBC = "2.28"
"""Where a machine did not say: what conda-forge builds for, and older than any system the tables know."""
SUBDIRS = {"amd64": "linux-64", "arm64": "linux-aarch64"}


def virtual_packages(facts: Facts, driver: str) -> tuple[tuple[str, str], ...]:
    """Return the (name, version) of what a machine has with `driver` (a version, empty for none), once any reboot is over."""
    release = re.match(r"\d+(\.\d+)*", facts.kernel.next or facts.kernel.running)
    found = {
        "__unix": "0",
        "__linux": release[0] if release else "",
        "__glibc": facts.system.glibc or GLIBC,
        "__archspec": facts.cpu.level,
        "__cuda": cuda(driver),
    }
    return tuple(sorted((name, version) for name, version in found.items() if version))


def cuda(driver: str, toolkits: tuple[Toolkit, ...] = ()) -> str:
    """Return the CUDA that a driver offers: the line of the newest toolkit that came with it or an older one; empty for none."""
    if not driver:
        return ""
    from provision.knowledge.model import number  # noqa: PLC0415 - 40 ms that only machines with a GPU pay
    from provision.knowledge.tables import knowledge  # noqa: PLC0415 - as above

    rows = toolkits or knowledge().toolkits
    fitting = [row.version for row in rows if row.driver and number(row.driver) <= number(driver)]
    return max(fitting, key=number, default="")
