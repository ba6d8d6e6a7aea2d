"""Whose packages apt takes: the distribution's components, NVIDIA's repository, pins that keep the others' drivers out."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from provision.facts.model import Facts
from provision.profile.model import Profile
from provision.resources import AptComponents, AptPin, AptSource, File

if TYPE_CHECKING:
    from provision.knowledge.model import Repository, System

NVIDIA = "nvidia"
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "sbsa"}
"""What NVIDIA's repository calls Debian's architectures; its arm64 is that of servers."""
_NVIDIAS = (
    "cuda-drivers*",
    "firmware-nvidia*",
    "libcuda1*",
    "libnvidia-*",
    "linux-modules-nvidia-*",
    "linux-objects-nvidia-*",
    "linux-signatures-nvidia-*",
    "nvidia-alternative*",
    "nvidia-compute-utils*",
    "nvidia-dkms*",
    "nvidia-driver*",
    "nvidia-egl-*",
    "nvidia-firmware*",
    "nvidia-headless*",
    "nvidia-kernel-*",
    "nvidia-modprobe",
    "nvidia-open*",
    "nvidia-persistenced",
    "nvidia-settings",
    "nvidia-smi",
    "nvidia-utils*",
    "nvidia-vdpau-driver",
    "nvidia-vulkan-*",
    "nvidia-xconfig",
    "xserver-xorg-video-nvidia*",
)
"""The driver in NVIDIA's repository, under its names of every branch and system."""
_DISTRIBUTIONS = (
    "firmware-nvidia*",
    "libcuda1",
    # All but `libnvidia-egl-…`, which belongs to no branch, and which NVIDIA's own packages may want from here.
    "libnvidia-[a-df-z]*",
    "libnvidia-eglcore*",
    "libnvidia-encode*",
    "libnvidia-extra*",
    "linux-modules-nvidia-*",
    "linux-objects-nvidia-*",
    "linux-signatures-nvidia-*",
    "nvidia-alternative",
    "nvidia-compute-utils*",
    "nvidia-dkms*",
    "nvidia-driver*",
    "nvidia-firmware*",
    "nvidia-headless*",
    # Debian's plain `nvidia-kernel-common` is wanted by NVIDIA's packages too.
    "nvidia-kernel-common-*",
    "nvidia-kernel-dkms",
    "nvidia-kernel-source*",
    "nvidia-kernel-support",
    "nvidia-open*",
    "nvidia-smi",
    "nvidia-utils*",
    "xserver-xorg-video-nvidia*",
)
"""The driver in Ubuntu's and Debian's archives, without what goes with anybody's driver."""
_CONTRIB, _NON_FREE = ("contrib",), ("contrib", "non-free", "non-free-firmware")


def of_driver(name: str, origin: str) -> bool:
    """Whether the package `name` of `origin` is a part of its driver, which no other driver can be mixed with."""
    return any(fnmatchcase(name, pattern) for pattern in (_NVIDIAS if origin == NVIDIA else _DISTRIBUTIONS))


def sources(profile: Profile, facts: Facts, origin: str) -> Iterator[AptComponents | AptSource | File]:
    """Yield what apt needs to have the packages of `origin`."""
    if facts.system.id == "debian":
        # NVIDIA's packages for Debian lean on a few of contrib's.
        yield AptComponents(components=_CONTRIB if origin == NVIDIA else _NON_FREE)
    if origin == NVIDIA:
        yield from _nvidia(profile, facts)


def pins(facts: Facts, origin: str) -> Iterator[AptPin]:
    """Yield the pin that keeps out every driver but that of `origin`."""
    label = f"release l={_repository().label}"
    other = f"release o={facts.system.id.capitalize()}" if origin == NVIDIA else label
    packages = _DISTRIBUTIONS if origin == NVIDIA else _NVIDIAS
    # The first file that names a package decides, and NVIDIA's own pin of a branch asks for no origin: ours comes before it.
    yield AptPin(name="00-provision-nvidia-driver", packages=packages, pin=other, priority=-1)


def _nvidia(profile: Profile, facts: Facts) -> Iterator[AptSource | File]:
    row, repository = _system(facts), _repository()
    architecture = _ARCHITECTURES.get(facts.system.architecture, facts.system.architecture)
    own = repository.uri.format(system=row.repository, architecture=architecture)
    uri = (profile.nvidia.mirror or own).rstrip("/")
    # NVIDIA's `cuda-keyring` names the same place with a key of its own, and apt refuses two values of Signed-By.
    yield File(path=f"/etc/apt/sources.list.d/cuda-{row.repository}-{architecture}.list", absent=True)
    yield AptSource(
        name="provision-nvidia",
        uris=(f"{uri}/",),
        suites=("/",),
        architectures=(facts.system.architecture,),
        key_url=f"{uri}/{dict(repository.keys)[row.key]}",
        fingerprint=profile.nvidia.mirror_key or row.key,
    )


def _system(facts: Facts) -> System:
    from provision.knowledge.tables import knowledge  # noqa: PLC0415 - only machines with a GPU pay for the tables
    from provision.knowledge.wish import system_id  # noqa: PLC0415 - as above

    return next(row for row in knowledge().systems if row.id == system_id(facts))


def _repository() -> Repository:
    from provision.knowledge.tables import knowledge  # noqa: PLC0415 - as above

    return next(row for row in knowledge().repositories if row.origin == NVIDIA)
