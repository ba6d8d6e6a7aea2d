"""Ubuntu 24.04's driver packages and NVIDIA's own, small: real names and relations, modules with nothing in them.

The names and relations are those of the archives of autumn 2026: a driver wants `nvidia-dkms-N-open`, which the signed modules'
meta-package provides at the driver's own version; libraries of two branches exclude each other; 570 is a shell around 580; and
from 590 on NVIDIA's names have no branch in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.system.kernel_module import Signer, library, module
from tests.system.repository import Deb, Key, flat, suite
from tests.system.ubuntu_kernels import CURRENT, RELEASES, kernels

SIGNER = "Canonical Ltd. Kernel Module Signing"
UBUNTU = {580: "580.173.02", 595: "595.84"}
UPDATE = "595.90.01"
"""What `noble-updates` has of 595."""
NVIDIA = {580: "580.178.04", 595: "595.91.07"}
LIBRARIES = ("cfg1", "compute", "decode", "encode", "extra", "fbc1", "gl")
XORG = "xserver-xorg-video-nvidia"
LICENSES = {"-open": "Dual MIT/GPL", "": "NVIDIA"}
"""What a module of a flavour says, by the end of its packages' names."""

NVML = ("nvmlInit_v2", "nvmlShutdown", "nvmlSystemGetDriverVersion")
CUDA = ("cuInit", "cuDriverGetVersion")
_LIB = "/usr/lib/x86_64-linux-gnu"

_DEPMOD = "#!/bin/sh\n[ ! -d /lib/modules/{release}/kernel ] || depmod {release}\n"
_PERSISTENCED = """[Unit]
Description=NVIDIA Persistence Daemon
StopWhenUnneeded=true

[Service]
Type=forking
ExecStart=/usr/bin/nvidia-persistenced --no-persistence-mode --verbose
"""
_NO_DRIVER = "#!/bin/sh\necho 'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.'\nexit 9\n"
_NO_DEVICE = "#!/bin/sh\n[ -e /dev/nvidiactl ] || exit 1\n(exec sleep infinity) &\n"
_DKMS_CONF = """PACKAGE_NAME="nvidia"
PACKAGE_VERSION="{version}"
MAKE[0]="cp built/$kernelver.ko nvidia.ko"
CLEAN="rm -f nvidia.ko"
BUILT_MODULE_NAME[0]="nvidia"
DEST_MODULE_LOCATION[0]="/updates/dkms"
AUTOINSTALL="yes"
"""
_DKMS_POSTINST = """#!/bin/sh
set -e
[ "$1" != configure ] || /usr/lib/dkms/common.postinst nvidia {version} "" amd64 "$2"
"""
_DKMS_PRERM = "#!/bin/sh\n[ ! -d /var/lib/dkms/nvidia/{version} ] || dkms remove -m nvidia -v {version} --all >/dev/null\n"


class Archives:
    """`folder/ubuntu` (suite `noble`) and `folder/nvidia` (flat), each signed by a key of its own."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder = folder
        self.ubuntu_key, self.nvidia_key = (Key(scratch / name, name) for name in ("ubuntu", "nvidia"))
        self._scratch = scratch
        self._signer = Signer(scratch, SIGNER)
        ubuntu = [*kernels(scratch, self._signer), *self._ubuntu_drivers()]
        update = [*self._family("-595", UPDATE, "0ubuntu0.24.04.1"), *self._signed(595, "-open", UPDATE, build=2)]
        for codename, debs in (("noble", ubuntu), ("noble-updates", update)):
            head = {"Origin": "Ubuntu", "Label": "Ubuntu", "Version": "24.04"}
            suite(folder / "ubuntu", debs, self.ubuntu_key, codename=codename, component="restricted", **head)
        flat(folder / "nvidia", list(self._nvidia_drivers()), self.nvidia_key, Origin="NVIDIA", Label="NVIDIA CUDA")
        # Where NVIDIA keeps the key of the repositories up to Ubuntu 24.04.
        (folder / "nvidia" / "3bf863cc.pub").write_text(self.nvidia_key.public)

    def _ubuntu_drivers(self) -> Iterator[Deb]:
        revision = "0ubuntu0.24.04.1"
        names: list[str] = []
        for branch, version in UBUNTU.items():
            family = list(self._family(f"-{branch}", version, revision))
            for flavour in LICENSES:
                family += self._signed(branch, flavour, version)
            yield from family
            if branch == 580:
                names = [deb.name for deb in family]
        for name in names:
            old = name.replace("-580", "-570", 1)
            yield Deb(name=old, version=f"{UBUNTU[580]}-{revision}", relations=[f"Depends: {name}"])

    def _nvidia_drivers(self) -> Iterator[Deb]:
        yield from self._family("-580", NVIDIA[580], "0ubuntu1")
        yield from self._family("", NVIDIA[595], "0ubuntu1")
        for branch, tail in ((580, "-580"), (595, "")):
            version = f"{NVIDIA[branch]}-0ubuntu1"
            for name, driver in (("nvidia-open", f"nvidia-driver{tail}-open"), ("cuda-drivers", f"nvidia-driver{tail}")):
                yield Deb(name=f"{name}{tail}", version=version, relations=[f"Depends: {driver} (= {version})"])
            pin = f"Package: *nvidia* cuda-drivers*\nPin: version {branch}.*\nPin-Priority: 1000\n"
            pins: Mapping[str, str] = {f"/etc/apt/preferences.d/nvidia-driver-pinning-{branch}": pin}
            yield Deb(name=f"nvidia-driver-pinning-{branch}", version=f"{branch}-1", files=pins)

    def _signed(self, branch: int, flavour: str, version: str, *, build: int = 1) -> Iterator[Deb]:
        """Yield the modules that come built and signed, as linux-restricted-modules makes them."""
        stem = f"linux-modules-nvidia-{branch}{flavour}"
        common = f"nvidia-kernel-common-{branch}"
        for release in RELEASES:
            built = module(self._scratch, "nvidia", version=version, license=LICENSES[flavour], release=release)
            yield Deb(
                name=f"{stem}-{release}",
                version=_lrm(release, build),
                relations=[f"Depends: linux-image-{release} | linux-image-unsigned-{release}, {_near(common, version)}"],
                files={f"/lib/modules/{release}/kernel/nvidia-{branch}{flavour}/nvidia.ko": self._signer.sign(built)},
                scripts={name: _DEPMOD.format(release=release) for name in ("postinst", "postrm")},
            )
        provides = f"Provides: nvidia-dkms-{branch}{flavour} (= {version}), nvidia-prebuilt-kernel"
        depends = f"Depends: {stem}-{CURRENT} (= {_lrm(CURRENT, build)}), {common} (>= {version})"
        yield Deb(name=f"{stem}-generic", version=_lrm(CURRENT, build), relations=[depends, provides])

    def _family(self, tail: str, version: str, revision: str) -> Iterator[Deb]:
        """Yield a driver's packages of both flavours; `tail` is what the branch puts at the end of their names."""
        full = f"{version}-{revision}"
        exact = f"{tail} (= {full})"
        yield from self._userland(tail, version, full)
        for flavour in LICENSES:
            end = f"{tail}{flavour}"
            yield from self._built_here(tail, flavour, version, full)
            common, dkms = _near(f"nvidia-kernel-common{tail}", version), _near(f"nvidia-dkms{end}", version)
            core = f"libnvidia-compute{exact}, libnvidia-cfg1{exact}, nvidia-compute-utils{exact}, {common}"
            core += f", nvidia-kernel-source{end} (= {full})"
            bare = f"nvidia-headless-no-dkms{end}"
            yield Deb(name=bare, version=full, relations=[f"Depends: {core}"])
            yield Deb(name=f"nvidia-headless{end}", version=full, relations=[f"Depends: {bare} (= {full}), {dkms}"])
            more = ", ".join(f"{name}{exact}" for name in (*map("libnvidia-{}".format, LIBRARIES), "nvidia-utils", XORG))
            depends = f"Depends: {core}, {dkms}, {more}"
            yield Deb(name=f"nvidia-driver{end}", version=full, relations=[depends, *_alone("nvidia-driver-binary", "x")])

    def _built_here(self, tail: str, flavour: str, version: str, full: str) -> Iterator[Deb]:
        """Yield the sources that DKMS builds, and what tells it to."""
        source = f"nvidia-kernel-source{tail}{flavour}"
        files = self._sources(flavour, version)
        yield Deb(name=source, version=full, relations=_alone("nvidia-kernel-source", f"{tail}{flavour}"), files=files)
        depends = f"Depends: dkms, {_near(f'nvidia-kernel-common{tail}', version)}, {source} (= {full})"
        yield Deb(
            name=f"nvidia-dkms{tail}{flavour}",
            version=full,
            relations=[depends, "Provides: nvidia-dkms-kernel", "Conflicts: nvidia-dkms-kernel"],
            scripts={"postinst": _DKMS_POSTINST.format(version=version), "prerm": _DKMS_PRERM.format(version=version)},
        )

    def _userland(self, tail: str, version: str, full: str) -> Iterator[Deb]:
        for name in LIBRARIES:
            stem = f"libnvidia-{name}"
            files, links = self._compute(version) if name == "compute" else ({}, {})
            yield Deb(name=f"{stem}{tail}", version=full, relations=_alone(stem, tail), files=files, links=links)
        driver = {"/lib/modprobe.d/nvidia-graphics-drivers.conf": "blacklist nouveau\noptions nouveau modeset=0\n"}
        yield Deb(name=f"nvidia-kernel-common{tail}", version=full, relations=_alone("nvidia-kernel-common", tail), files=driver)
        utils = [f"Depends: libnvidia-compute{tail} (= {full})", *_alone("nvidia-utils", tail)]
        yield Deb(name=f"nvidia-utils{tail}", version=full, relations=utils, files={"/usr/bin/nvidia-smi": _NO_DRIVER})
        daemon = {"/usr/bin/nvidia-persistenced": _NO_DEVICE, "/lib/systemd/system/nvidia-persistenced.service": _PERSISTENCED}
        alone = _alone("nvidia-persistenced", "x")
        yield Deb(name=f"nvidia-compute-utils{tail}", version=full, relations=alone, files=daemon)
        yield Deb(name=f"{XORG}{tail}", version=full, relations=_alone("xorg-driver-binary", "x"))

    def _sources(self, flavour: str, version: str) -> dict[str, bytes | str]:
        """Return what DKMS builds from: it only copies, for a compiler has its own test."""
        folder = f"/usr/src/nvidia-{version}"
        files: dict[str, bytes | str] = {f"{folder}/dkms.conf": _DKMS_CONF.format(version=version)}
        for release in RELEASES:
            built = module(self._scratch, "nvidia", version=version, license=LICENSES[flavour], release=release)
            files[f"{folder}/built/{release}.ko"] = built
        return files

    def _compute(self, version: str) -> tuple[dict[str, bytes | str], dict[str, str]]:
        files: dict[str, bytes | str] = {}
        links = {}
        for soname, functions in (("libnvidia-ml.so.1", NVML), ("libcuda.so.1", CUDA)):
            real = f"{soname.removesuffix('1')}{version}"
            files[f"{_LIB}/{real}"] = library(self._scratch, soname, *functions)
            links[f"{_LIB}/{soname}"] = real
        return files, links


def _lrm(release: str, build: int) -> str:
    """Return the version of the signed modules of kernel `release`."""
    return f"{release.removesuffix('-generic')}.{release.split('-')[1]}+{build}"


def _near(name: str, version: str) -> str:
    """Return the relation to any build of `version`, but no other version."""
    return f"{name} (<= {version}-1), {name} (>= {version})"


def _alone(stem: str, tail: str) -> Sequence[str]:
    """Return the relations of a package that excludes its like of every other branch."""
    return [f"{verb}: {stem}" for verb in ("Provides", "Conflicts", "Replaces")] if tail else []
