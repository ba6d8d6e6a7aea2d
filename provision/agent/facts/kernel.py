"""The kernel that runs, the one that boots next, and the command line without what may be secret."""

from __future__ import annotations

from provision.agent.facts import grub
from provision.agent.facts.tree import Tree
from provision.facts.model import Kernel

_SECRET = ("password", "passwd", "passphrase", "secret", "token", "credential")


def kernel(tree: Tree) -> Kernel:
    """Return the kernel's facts."""
    return Kernel(
        running=tree.line("/proc/sys/kernel/osrelease"),
        next=grub.next_kernel(tree),
        command_line=public(tree.line("/proc/cmdline")),
    )


def public(command_line: str) -> str:
    """Return a kernel command line in which values that may be secret are `***`: by name, and URLs as in `pip_settings`."""
    return " ".join(_hide(word) for word in command_line.split())


def _hide(word: str) -> str:
    name, equals, value = word.partition("=")
    secret = any(hint in name.lower() for hint in _SECRET) or (":" in value and bool(set("@?#") & set(value)))
    return f"{name}=***" if equals and secret else word
