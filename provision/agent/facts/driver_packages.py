"""The driver's packages, and where apt has them from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from provision.agent import sources_list
from provision.agent.facts.asking import ask
from provision.agent.facts.dpkg_status import DpkgStatus, Package
from provision.agent.facts.tree import Tree, clean
from provision.facts.model import DriverPackage

_STARTS = (
    "nvidia-",
    "libnvidia-",
    "linux-modules-nvidia-",
    "linux-objects-nvidia-",
    "linux-signatures-nvidia-",
    "xserver-xorg-video-nvidia",
    "firmware-nvidia-",
    "cuda-drivers",
    "libcuda1",
)
_OTHERS = (
    "nvidia-container",
    "libnvidia-container",
    "nvidia-cuda-",
    "nvidia-cudnn",
    "nvidia-docker",
    "nvidia-fs",
    "nvidia-gds",
    "nvidia-gpu-operator",
    "nvidia-nsight",
    "nvidia-opencl-dev",
    "nvidia-openjdk",
    "nvidia-profiler",
    "nvidia-visual-profiler",
)
"""Called like the driver's, but toolkits and container tools: they come from elsewhere and have versions of their own."""
_LISTS = "/var/lib/apt/lists"
_ESCAPED = '\\|{}[]<>"^~_=!@#$%^&*'
"""What apt writes as `%xx` in the names of its index files (apt: URItoFileName)."""
_HEAD = 1 << 12
_SECONDS = 20.0
_DEPTH = 6
"""Columns before a place in a version table; a version has fewer."""
_PLACE = 3
"""Words of a place, at least: a priority, a URI and what it is. The machine's own status file has two."""
_NVIDIA_LABEL = "NVIDIA CUDA"
_NVIDIA_PLACES = ("/compute/cuda/repos/", "/cuda-repo-", "/nvidia-driver-local-repo-")
_PPA_PLACE = "/graphics-drivers/"

Place = tuple[str, str]
"""A repository's URI and suite."""


def packages(tree: Tree, status: DpkgStatus) -> Callable[[], tuple[DriverPackage, ...]]:
    """Ask apt about what is installed of the driver; what is returned waits for its answer.

    By name. Origins are known only on the running machine, and where apt still has the installed version.
    """
    found = [package for package in status.installed(_STARTS) if not package.name.startswith(_OTHERS)]
    if not found:
        return tuple
    answer = ask(tree, ("apt-cache", "policy", *(package.name for package in found)), seconds=_SECONDS)
    return lambda: _with_origins(tree, found, policy(answer()))


def _with_origins(tree: Tree, found: list[Package], places: Mapping[str, list[Place]]) -> tuple[DriverPackage, ...]:
    known: dict[Place, str] = {}
    return tuple(
        DriverPackage(
            name=package.name,
            version=package.version,
            origin=_first(tree, places.get(package.name, []), known),
            held=package.held,
            sound=package.sound,
        )
        for package in found
    )


def sources(tree: Tree) -> tuple[str, ...]:
    """Return `nvidia` and `ppa` where apt is configured with NVIDIA's repository or the PPA of graphics drivers."""
    folder = sources_list.FOLDER
    names = (f"{folder}/{name}" for name in tree.names(folder) if name.endswith((".list", ".sources")))
    found = set()
    for path in (sources_list.MAIN, *names):
        for origin in sources_list.parse(path, tree.text(path)):
            if any(place in f"{origin.uri}/" for place in _NVIDIA_PLACES):
                found.add("nvidia")
            elif _PPA_PLACE in f"{origin.uri}/":
                found.add("ppa")
            elif _release(tree, (origin.uri, origin.suite)).get("Label") == _NVIDIA_LABEL:
                found.add("nvidia")
    return tuple(sorted(found))


def policy(text: str) -> Mapping[str, list[Place]]:
    """Return, by package, the repositories that have its installed version, as `apt-cache policy` lists them."""
    found: dict[str, list[Place]] = {}
    name, installed = "", False
    for line in clean(text.encode("utf-8", "replace")).split("\n"):
        words = line.split()
        if words and not line.startswith(" "):
            name, installed = line.rstrip(":"), False
        elif line.startswith(" *** "):
            installed = True
        elif not line.startswith(" " * _DEPTH):
            installed = False
        elif installed and len(words) >= _PLACE:
            found.setdefault(name, []).append((words[1], _suite(words[2:-1])))
    return found


def _suite(words: list[str]) -> str:
    """Return the suite: `noble-updates/restricted amd64` names a component too, `./` and nothing are flat repositories."""
    if not words:
        return "/"
    return words[0] if words[0].endswith("/") else words[0].rpartition("/")[0]


def _first(tree: Tree, places: list[Place], known: dict[Place, str]) -> str:
    for place in places:
        if place not in known:
            known[place] = _origin(_release(tree, place))
        if known[place]:
            return known[place]
    return ""


def _origin(release: Mapping[str, str]) -> str:
    origin, label = release.get("Origin", ""), release.get("Label", "")
    if origin == "NVIDIA" or label == _NVIDIA_LABEL:
        return "nvidia"
    if origin.startswith("LP-PPA"):
        return "ppa"
    return next((name for name in ("ubuntu", "debian") if origin.lower().startswith(name)), "")


def _release(tree: Tree, place: Place) -> dict[str, str]:
    """Return the first fields of the Release file apt fetched from a place."""
    for stem in _file_names(*place):
        for ending in ("InRelease", "Release"):
            text = clean(tree.bytes(f"{_LISTS}/{stem}_{ending}", _HEAD))
            if text:
                return {name: value.strip() for name, _, value in (line.partition(":") for line in text.split("\n"))}
    return {}


def _file_names(uri: str, suite: str) -> Iterator[str]:
    scheme, _, rest = uri.partition("://")
    host, slash, path = rest.partition("/")
    place = f"{host.rpartition('@')[2]}{slash}{path}" if rest else scheme.partition(":")[2]
    base = _file_name(place.rstrip("/"))
    if not suite.endswith("/"):
        yield f"{base}_dists_{_file_name(suite)}"
    elif suite == "/":
        yield base
    yield f"{base}_{_file_name(suite.strip('/'))}"


def _file_name(text: str) -> str:
    return "".join(f"%{ord(letter):02x}" if letter in _ESCAPED else letter for letter in text).replace("/", "_")
