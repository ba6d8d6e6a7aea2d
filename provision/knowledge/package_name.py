"""What the name and the version of a driver's package tell: NVIDIA's release, the branch, the flavour of its kernel modules."""

from __future__ import annotations

import re

from provision.facts.model import DriverPackage

BUILT = ("linux-modules-nvidia-", "linux-objects-nvidia-", "linux-signatures-nvidia-")
"""Modules that came built: their versions are the kernel's, not the driver's."""
LOOSE = frozenset({"nvidia-settings", "nvidia-modprobe", "nvidia-xconfig", "nvidia-detect", "nvidia-persistenced"})
"""Packages that work with a driver of another release, so that they may come from elsewhere."""
OF_A_FLAVOUR = re.compile(
    r"cuda-drivers|nvidia-open|nvidia-dkms|nvidia-(?:open-)?kernel-(?:open-)?(?:dkms|source)|linux-(?:modules|objects|signatures)-nvidia-"
    r"|nvidia-tesla-\d{3}-kernel-(?:dkms|source)"
)
"""Packages that bring kernel modules of one flavour; `open` is a part of the name, or they are proprietary."""
CALLS_FOR_A_FLAVOUR = re.compile(r"nvidia-(?:driver|headless|headless-no-dkms)(?:-\d{3})?(?:-server)?(?:-open)?")
"""As above, of the packages that stand for a whole driver; Debian's, and NVIDIA's for it, take either flavour."""
_BRANCH = re.compile(r"-([1-9]\d{2})(?=-|$)")
_RELEASE = re.compile(r"(?<![\d.-])\d{3}\.\d+(?:\.\d+)*")


def upstream(version: str) -> str:
    """Return NVIDIA's own release of a package's version (`580.95.05` of `1:580.95.05-0ubuntu1`), empty where it has none."""
    found = _RELEASE.search(version)
    return found.group() if found else ""


def branch_of(name: str) -> int:
    """Return the branch that a package is called after, 0 for none."""
    found = _BRANCH.search(name)
    return int(found[1]) if found else 0


def flavour_of(name: str, *, ubuntu: bool) -> str:
    """Return the flavour of the kernel modules that a package brings or calls for, empty for neither."""
    whole = ubuntu and CALLS_FOR_A_FLAVOUR.fullmatch(name)
    if not whole and not OF_A_FLAVOUR.match(name):
        return ""
    return "open" if "open" in name.split("-") else "proprietary"


def bound(package: DriverPackage) -> bool:
    """Whether a package works with the driver's own release alone."""
    return package.name not in LOOSE and bool(upstream(package.version) or package.name.startswith("linux-"))
