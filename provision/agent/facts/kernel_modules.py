"""The `nvidia` modules on disk for each kernel, and the kernels in `/boot`."""

from __future__ import annotations

from collections.abc import Iterator

from provision.agent.facts import grub, module_file
from provision.agent.facts.links import resolve
from provision.agent.facts.tree import Tree
from provision.facts.model import DriverModule, InstalledKernel, Kernel

_FIRST = ("updates", "extra", "weak-updates", "misc")
"""What depmod prefers to the kernel's own: DKMS and NVIDIA's installer put theirs here."""
_OWN = ("kernel/drivers/video", "kernel/drivers/char/drm")
"""Where NVIDIA's installer put its module on older systems."""
_NAMES = ("nvidia-current", "nvidia-tesla", "nvidia-legacy")
"""Debian's names of the module, so that several branches can lie side by side."""
_OTHERS = ("uvm", "drm", "modeset", "peermem", "fs", "vgpu-vfio")
_ENDINGS = (".ko", ".ko.xz", ".ko.zst", ".ko.gz")
_DEEP = 3
_PROPRIETARY = "NVIDIA"


def modules(tree: Tree, kernel: Kernel) -> tuple[DriverModule, ...]:
    """Return the modules for the running kernel, the next and those in `/boot`; of a kernel's, modprobe takes the first."""
    releases = dict.fromkeys((kernel.running, kernel.next, *grub.installed(tree)))
    return tuple(_module(tree, release, path) for release in releases if release for path in _paths(tree, release))


def kernels(tree: Tree, owned: frozenset[str]) -> tuple[InstalledKernel, ...]:
    """Return the kernels in `/boot`, oldest first; `owned` are the names of the installed packages of kernels."""
    return tuple(
        InstalledKernel(release=release, headers=_headers(tree, release), owned=not owned or _owned(release, owned))
        for release in grub.installed(tree)
    )


def _headers(tree: Tree, release: str) -> bool:
    build = resolve(tree, f"/lib/modules/{release}/build")
    return bool(build) and tree.exists(f"{build}/Makefile")


def _owned(release: str, packages: frozenset[str]) -> bool:
    """Return whether a package is named after the release: `linux-image-R`, `linux-image-unsigned-R`, `pve-kernel-R`."""
    endings = (f"-{release}", f"-{release}-signed", f"-{release}-unsigned")
    return any(name.endswith(endings) for name in packages)


def _module(tree: Tree, release: str, path: str) -> DriverModule:
    found = module_file.read(tree, resolve(tree, path))
    flavour = "proprietary" if found.license == _PROPRIETARY else "open" if found.license else ""
    name = path.rpartition("/")[2].partition(".")[0]
    return DriverModule(
        kernel=release, name=name, path=path, version=found.version, flavour=flavour, signer=found.signer.partition("\n")[0]
    )


def _paths(tree: Tree, release: str) -> Iterator[str]:
    base = f"/lib/modules/{release}"
    for folder in _FIRST:
        yield from _below(tree, f"{base}/{folder}", _DEEP)
    for name in tree.names(f"{base}/kernel"):
        if name.startswith("nvidia"):
            yield from _below(tree, f"{base}/kernel/{name}", _DEEP)
    for folder in _OWN:
        yield from _below(tree, f"{base}/{folder}", 0)


def _below(tree: Tree, folder: str, deep: int) -> Iterator[str]:
    for name in tree.names(folder):
        path = f"{folder}/{name}"
        if is_driver(name):
            yield path
        elif deep and "." not in name and not tree.link(path):
            yield from _below(tree, path, deep - 1)


def is_driver(file: str) -> bool:
    """Return whether a file is called like the driver's main module."""
    name, dot, ending = file.partition(".")
    if dot + ending not in _ENDINGS or not file.isascii():
        return False
    return name == "nvidia" or (name.startswith(_NAMES) and not name.endswith(tuple(f"-{other}" for other in _OTHERS)))
