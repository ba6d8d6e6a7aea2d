"""The kernel that runs, the one that boots next, and the command line without what may be secret."""

from __future__ import annotations

from provision.agent.facts import grub
from provision.agent.facts.dpkg_status import DpkgStatus
from provision.agent.facts.tree import Tree
from provision.facts.model import Kernel

_BRINGERS = ("linux-image-", "linux-headers-")
_FLAVOURS = ("generic", "lowlatency", "virtual", "oem", "aws", "azure", "gcp", "ibm", "oracle", "nvidia", "realtime", "raspi")
"""What Ubuntu calls the packages that bring both, behind `linux-`."""
_OF_ONE = ("-headers-", "-tools-")
"""In the names of a flavour's packages that belong to one release: `linux-aws-6.8-headers-6.8.0-1015`."""
_SECRET = ("password", "passwd", "passphrase", "secret", "token", "credential")


def kernel(tree: Tree, status: DpkgStatus) -> Kernel:
    """Return the kernel's facts."""
    return Kernel(
        running=tree.line("/proc/sys/kernel/osrelease"),
        next=grub.next_kernel(tree),
        command_line=public(tree.line("/proc/cmdline")),
        packages=tuple(sorted(package.name for package in status.named("linux-") if _brings_new(package.name))),
    )


def _brings_new(name: str) -> bool:
    """Return whether a package is for each new kernel, not for one: no release follows in its name."""
    for start in _BRINGERS:
        if name.startswith(start):
            rest = name.removeprefix(start)
            return not (rest[:1].isdigit() or rest.startswith("unsigned-") or rest.endswith("-dbg"))
    return name.removeprefix("linux-").startswith(_FLAVOURS) and not any(word in name for word in _OF_ONE)


def public(command_line: str) -> str:
    """Return a kernel command line in which values that may be secret are `***`: by name, and URLs as in `pip_settings`."""
    return " ".join(_hide(word) for word in command_line.split())


def _hide(word: str) -> str:
    name, equals, value = word.partition("=")
    secret = any(hint in name.lower() for hint in _SECRET) or (":" in value and bool(set("@?#") & set(value)))
    return f"{name}=***" if equals and secret else word
