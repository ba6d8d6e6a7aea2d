"""Display controllers on the PCI bus."""

from __future__ import annotations

from provision.agent.facts.tree import Tree
from provision.facts.model import Gpu

_DEVICES = "/sys/bus/pci/devices"
_DISPLAY = "0x03"
_NAMES = ("/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids")


def gpus(tree: Tree) -> tuple[Gpu, ...]:
    """Return the display controllers in the order of their slots."""
    return tuple(_gpu(tree, slot) for slot in tree.names(_DEVICES) if tree.line(f"{_DEVICES}/{slot}/class").startswith(_DISPLAY))


def _gpu(tree: Tree, slot: str) -> Gpu:
    vendor, device = (tree.line(f"{_DEVICES}/{slot}/{part}").removeprefix("0x").lower() for part in ("vendor", "device"))
    return Gpu(
        slot=slot,
        pci=f"{vendor}:{device}",
        name=_udev_name(tree, slot) or _table_name(tree, vendor, device),
        driver=tree.link(f"{_DEVICES}/{slot}/driver").rpartition("/")[2],
    )


def _udev_name(tree: Tree, slot: str) -> str:
    """Return the name udev looked up when the device appeared."""
    for line in tree.text(f"/run/udev/data/+pci:{slot}").split("\n"):
        if line.startswith("E:ID_MODEL_FROM_DATABASE="):
            return line.partition("=")[2].strip()
    return ""


def _table_name(tree: Tree, vendor: str, device: str) -> str:
    for path in _NAMES:
        try:
            with open(tree.root + path, encoding="utf-8", errors="replace") as table:
                mine = False
                for line in table:
                    if mine and line.startswith(f"\t{device}  "):
                        return line.split(None, 1)[1].strip()
                    if not line.startswith(("\t", "#", "\n")):
                        if mine:
                            break
                        mine = line.startswith(f"{vendor}  ")
        except OSError:
            continue
    return ""
