"""The key that DKMS signs with, and whether the machine trusts it."""

from __future__ import annotations

from provision.agent.facts.assignments import assignments
from provision.agent.facts.links import resolve
from provision.agent.facts.tree import Tree

_SETTINGS = "/etc/dkms/framework.conf"
_CERTIFICATES = ("/var/lib/shim-signed/mok/MOK.der", "/var/lib/dkms/mok.pub")
_VARIABLES = "/sys/firmware/efi/efivars"
_WHOLE = "/sys/firmware/efi/mok-variables"
"""Where the kernel (since 5.10) has shim's lists whole; only root may read them."""
_TRUSTED = ("MokListRT", "db-")
_DER = b"\x30\x82"
"""How a certificate of more than 255 bytes begins."""
_MOST = 1 << 16


def mok_enrolled(tree: Tree) -> bool | None:
    """Return whether the firmware or shim trusts the certificate; `None` without one, or where their lists cannot be read."""
    certificate = _certificate(tree)
    lists = _lists(tree)
    if not certificate or lists is None:
        return None
    return certificate in lists


def _certificate(tree: Tree) -> bytes:
    files = (_SETTINGS, *(f"{_SETTINGS}.d/{name}" for name in tree.names(f"{_SETTINGS}.d")))
    configured = [assignments(tree.text(path)).get("mok_certificate", "") for path in files][::-1]
    for path in (*configured, *_CERTIFICATES):
        data = tree.bytes(resolve(tree, path), _MOST) if path.startswith("/") else b""
        if data.startswith(_DER):
            return data[: 4 + int.from_bytes(data[2:4], "big")]
    return b""


def _lists(tree: Tree) -> bytes | None:
    variables = [name for name in tree.names(_VARIABLES) if name.startswith(_TRUSTED)]
    whole = [name for name in tree.names(_WHOLE) if name.startswith(_TRUSTED)]
    found = [tree.bytes(f"{folder}/{name}") for folder, some in ((_VARIABLES, variables), (_WHOLE, whole)) for name in some]
    return b"\0".join(found) if any(found) else None
