"""How the firmware starts the machine."""

from __future__ import annotations

from provision.agent.facts.tree import Tree

_VARIABLES = "/sys/firmware/efi/efivars"
_SECURE_BOOT = f"{_VARIABLES}/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


def efi(tree: Tree) -> bool:
    """Return whether the machine was started by UEFI firmware."""
    return tree.exists("/sys/firmware/efi")


def secure_boot(tree: Tree, *, container: bool) -> bool | None:
    """Return whether Secure Boot is enforced; `None` where the firmware's variables cannot be seen, as in a container."""
    value = tree.bytes(_SECURE_BOOT, 16)
    if value:
        return value[-1] == 1
    unseen = efi(tree) and not tree.names(_VARIABLES)
    return None if container or unseen else False
