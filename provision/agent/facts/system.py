"""The distribution, its architecture, and how the system is set up."""

from __future__ import annotations

import os
import sys

from provision.agent.facts.assignments import assignments
from provision.agent.facts.links import resolve
from provision.agent.facts.tree import Tree
from provision.agent.facts.virtualization import CONTAINERS
from provision.facts.model import System

_DEBIAN = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "armhf",
    "i686": "i386",
    "ppc64le": "ppc64el",
    "riscv64": "riscv64",
    "s390x": "s390x",
}
_CHASSIS = {
    "desktop": (3, 4, 5, 6, 7, 13, 15, 16, 24, 35),
    "laptop": (8, 9, 10, 14, 30, 31, 32),
    "server": (17, 23, 25, 28, 29),
}
"""The numbers of SMBIOS (DMTF DSP0134, 7.4.1): towers, all-in-ones and small boxes; notebooks and tablets; racks and blades."""


def system(tree: Tree) -> System:
    """Return the distribution as os-release has it (`id` is `linux` where it does not say)."""
    release = assignments(tree.text("/etc/os-release") or tree.text("/usr/lib/os-release"))
    word = release.get("ID", "linux").lower()
    return System(
        id=word,
        version=release.get("VERSION_ID", ""),
        codename=release.get("VERSION_CODENAME") or release.get("UBUNTU_CODENAME", ""),
        name=release.get("PRETTY_NAME") or release.get("NAME") or word,
        architecture=architecture(tree),
        glibc=glibc(tree),
    )


def glibc(tree: Tree) -> str:
    """Return the version of the C library we run with; a recorded machine has none."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ") if tree.live else ("", "", "")
    except (ValueError, OSError):  # another library knows no such name
        return ""
    return version if name == "glibc" else ""


def architecture(tree: Tree) -> str:
    """Return dpkg's own architecture, which is not the kernel's on a 32-bit system with a 64-bit kernel."""
    native = tree.line("/var/lib/dpkg/arch")
    if native:
        return native
    for name in dict.fromkeys(_DEBIAN.values()):
        if tree.exists(f"/var/lib/dpkg/info/libc6:{name}.list"):
            return name
    machine = os.uname().machine if tree.live else ""
    return _DEBIAN.get(machine, machine)


def hostname(tree: Tree) -> str:
    """Return the name the kernel knows, else the one that is configured."""
    return tree.line("/proc/sys/kernel/hostname") or tree.line("/etc/hostname")


def timezone(tree: Tree) -> str:
    """Return the zone `/etc/localtime` points to (`Europe/Paris`)."""
    return tree.link("/etc/localtime").partition("zoneinfo/")[2] or tree.line("/etc/timezone")


def locale(tree: Tree) -> str:
    """Return the system's `LANG`."""
    for path in ("/etc/locale.conf", "/etc/default/locale"):
        lang = assignments(tree.text(path)).get("LANG")
        if lang:
            return lang
    return ""


def python(tree: Tree) -> str:
    """Return the version of `/usr/bin/python3`: in full when it runs us, else the `3.11` that its link names."""
    linked = tree.link("/usr/bin/python3").rpartition("python")[2]
    if tree.live and linked and sys.executable in ("/usr/bin/python3", f"/usr/bin/python{linked}"):
        return ".".join(map(str, sys.version_info[:3]))
    return linked


def chassis(tree: Tree, virtual: str) -> str:
    """Return what kind of computer it is: what it runs in, else what its firmware says."""
    if virtual in CONTAINERS:
        return "container"
    if virtual != "none":
        return "vm"
    number = tree.number("/sys/class/dmi/id/chassis_type")
    return next((word for word, numbers in _CHASSIS.items() if number in numbers), "")


def desktop(tree: Tree) -> bool:
    """Return whether a display manager is installed: the alias of its unit leads to a file."""
    return bool(tree.bytes(resolve(tree, "/etc/systemd/system/display-manager.service"), 1))


def booted_with_systemd(tree: Tree) -> bool:
    """Return whether systemd is PID 1, as sd_booted(3) decides it."""
    return tree.exists("/run/systemd/system")
