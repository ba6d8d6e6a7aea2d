"""What DKMS has built of a driver."""

from __future__ import annotations

from collections.abc import Iterator

from provision.agent.facts.tree import Tree, clean
from provision.facts.model import DkmsBuild

FOLDER = "/var/lib/dkms"
_HEAD = 1 << 12
_OTHERS = ("nvidia-fs", "nvidia-peermem")


def names(tree: Tree) -> list[str]:
    """Return the drivers that DKMS knows."""
    return [name for name in tree.names(FOLDER) if name.startswith("nvidia") and name not in _OTHERS and name.isascii()]


def builds(tree: Tree) -> tuple[DkmsBuild, ...]:
    """Return each driver's state for each kernel."""
    versions = ((name, version) for name in names(tree) for version in tree.names(f"{FOLDER}/{name}"))
    return tuple(build for name, version in versions for build in _of(tree, name, version))


def _of(tree: Tree, name: str, version: str) -> Iterator[DkmsBuild]:
    folder = f"{FOLDER}/{name}/{version}"
    if version.startswith("kernel-") or not version.isascii() or tree.link(folder):
        return
    states: dict[str, str] = {}
    for kernel in tree.names(folder):
        for architecture in tree.names(f"{folder}/{kernel}") if kernel.isascii() and kernel not in ("source", "build") else ():
            if architecture.startswith("."):  # where a build under way keeps what it has
                continue
            state = _state(tree, name, version, kernel, architecture)
            if state:
                states[kernel] = state
    failed = _failed(tree, folder)
    if failed:
        states.setdefault(failed, "failed")
    for kernel, state in states.items():
        yield DkmsBuild(name=name, version=version, kernel=kernel, state=state)
    if not states and (tree.link(f"{folder}/source") or tree.names(folder)):
        yield DkmsBuild(name=name, version=version, state="added")


def _state(tree: Tree, name: str, version: str, kernel: str, architecture: str) -> str:
    place = f"{version}/{kernel}/{architecture}"
    if tree.names(f"{FOLDER}/{name}/{place}/module"):
        installed = tree.link(f"{FOLDER}/{name}/kernel-{kernel}-{architecture}").endswith(place)
        return "installed" if installed else "built"
    return "failed" if tree.exists(f"{FOLDER}/{name}/{place}/log/make.log") else ""


def _failed(tree: Tree, folder: str) -> str:
    """Return the kernel of a build that was left behind: its log begins with it."""
    _, named, rest = clean(tree.bytes(f"{folder}/build/make.log", _HEAD)).partition(" for kernel ")
    return (rest.split() or [""])[0] if named else ""
