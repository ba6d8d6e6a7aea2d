"""The driver's packages: dpkg's status file, apt's answers, and what apt is configured with."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent.facts import driver_packages, kernel
from provision.agent.facts.dpkg_status import DpkgStatus, Package
from provision.agent.facts.tree import Tree
from provision.facts.model import DriverPackage
from tests.unit.facts.recorded import Content, record

STATUS = "/var/lib/dpkg/status"


def stanza(name: str, version: str = "1", status: str = "install ok installed", architecture: str = "amd64") -> str:
    lines = (f"Package: {name}", f"Status: {status}", "Maintainer: x", f"Architecture: {architecture}", f"Version: {version}")
    return "\n".join((*lines, "Description: x", " Package: nvidia-inside", "", ""))


def recorded(folder: Path, *stanzas: str) -> DpkgStatus:
    return DpkgStatus(record(folder, {STATUS: "".join(stanzas)}), "amd64")


def test_states(tmp_path: Path) -> None:
    status = recorded(
        tmp_path,
        stanza("nvidia-driver-580", "580.95.05-0ubuntu0.24.04.2", "hold ok installed"),
        stanza("libnvidia-gl-580", "580.95.05-0ubuntu0.24.04.2", architecture="i386"),
        stanza("nvidia-dkms-580", "2:1", "install ok half-configured"),
        stanza("nvidia-utils-570", "570.1", "deinstall ok config-files"),
        stanza("cuda-drivers", "590", "install reinstreq half-installed", "all"),
        stanza("nvidia-container-toolkit", "1.17"),
        stanza("nvidia-cuda-toolkit", "12.4"),
        stanza("linux-modules-nvidia-580-generic", "6.8", architecture=""),
        stanza("zlib1g"),
    )
    assert driver_packages.packages(Tree(str(tmp_path)), status)() == (
        DriverPackage(name="cuda-drivers", version="590", sound=False),
        DriverPackage(name="libnvidia-gl-580:i386", version="580.95.05-0ubuntu0.24.04.2"),
        DriverPackage(name="linux-modules-nvidia-580-generic", version="6.8"),
        DriverPackage(name="nvidia-dkms-580", version="2:1", sound=False),
        DriverPackage(name="nvidia-driver-580", version="580.95.05-0ubuntu0.24.04.2", held=True),
    )


@pytest.mark.parametrize(
    "content", ["", "\n\n\n", "Package: nvidia-x", "Package: nvidia-x\nStatus: install ok\n\n", "Package: nvidia"]
)
def test_damaged_status(tmp_path: Path, content: str) -> None:
    status = DpkgStatus(record(tmp_path, {STATUS: content}), "amd64")
    assert status.installed(("nvidia-",)) == tuple(status.named("nvidia-")) == ()


@given(st.binary(max_size=200))
def test_whatever_dpkg_wrote(noise: bytes) -> None:
    status = DpkgStatus(Tree("/nowhere"), "amd64")
    status._data = b"\nPackage: nvidia-a" + noise + b"\nPackage: nvidia-b\nStatus: install ok installed\n\n"
    names = [package.name for package in status.named("nvidia-")]
    assert names == sorted(package.name for package in status.installed(("nvidia-",)))
    assert "nvidia-b" in names or b"\nStatus" in noise or len(names) == 1


def test_one_search_or_all_at_once(tmp_path: Path) -> None:
    status = recorded(tmp_path, stanza("linux-image-amd64"), stanza("linux-base"), stanza("nvidia-open"))
    assert [package.name for package in status.named("linux-")] == ["linux-image-amd64", "linux-base"]
    assert [package.name for package in status.installed(("nvidia-", "linux-i"))] == ["linux-image-amd64", "nvidia-open"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("linux-image-amd64", "linux-headers-amd64", "linux-image-6.1.0-28-amd64", "linux-base"), 2),
        (("linux-generic-hwe-24.04", "linux-image-generic-hwe-24.04", "linux-headers-generic-hwe-24.04", "linux-libc-dev"), 3),
        (("linux-headers-6.8.0-45", "linux-headers-6.8.0-45-generic", "linux-image-unsigned-6.8.0-45-generic"), 0),
        (("linux-modules-nvidia-580-generic", "linux-firmware", "linux-tools-common", "linux-image-amd64-dbg"), 0),
        (("linux-aws", "linux-nvidia-hwe-24.04", "linux-aws-6.8-headers-6.8.0-1015", "linux-nvidia-tools-6.8.0-1"), 2),
    ],
)
def test_packages_of_each_new_kernel(tmp_path: Path, names: tuple[str, ...], expected: int) -> None:
    status = recorded(tmp_path, *map(stanza, names), stanza("linux-image-generic", status="deinstall ok config-files"))
    assert kernel.kernel(Tree(str(tmp_path)), status).packages == tuple(sorted(names[:expected]))


POLICY = """nvidia-driver-580:
  Installed: 580.95.05-0ubuntu0.24.04.2
  Candidate: 590.1
  Version table:
     590.1 600
        600 https://mirror.test/compute/cuda/repos/ubuntu2404/x86_64  Packages
 *** 580.95.05-0ubuntu0.24.04.2 500
        500 http://mirror.test/ubuntu noble-updates/restricted amd64 Packages
        500 http://mirror.test/debian-security bookworm/updates/main amd64 Packages
        100 /var/lib/dpkg/status
     570.1 500
         -1 http://mirror.test/other noble/main amd64 Packages
libnvidia-gl-580:i386:
  Installed: 1
  Version table:
 *** 1 500
        500 file:/srv/flat ./ Packages
"""


def test_policy() -> None:
    assert driver_packages.policy(POLICY) == {
        "nvidia-driver-580": [
            ("http://mirror.test/ubuntu", "noble-updates"),
            ("http://mirror.test/debian-security", "bookworm/updates"),
        ],
        "libnvidia-gl-580:i386": [("file:/srv/flat", "./")],
    }


@given(st.text(max_size=300))
def test_whatever_apt_says(text: str) -> None:
    assert isinstance(driver_packages.policy(f"a:\n *** 1 500\n{text}"), dict)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Origin": "NVIDIA", "Label": "NVIDIA CUDA"}, "nvidia"),
        ({"Origin": "LP-PPA-graphics-drivers", "Label": "Proprietary GPU Drivers"}, "ppa"),
        ({"Origin": "UbuntuESM", "Label": "UbuntuESM"}, "ubuntu"),
        ({"Origin": "Debian Backports"}, "debian"),
        ({"Origin": "Node Source"}, ""),
        ({}, ""),
    ],
)
def test_whose_repository(fields: dict[str, str], expected: str) -> None:
    assert driver_packages._origin(fields) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"/etc/apt/sources.list.d/cuda.list": "deb https://mirror.test/compute/cuda/repos/debian12/x86_64/ /\n"}, ("nvidia",)),
        ({"/etc/apt/sources.list.d/l.list": "deb file:///var/nvidia-driver-local-repo-ubuntu2404-580 /\n"}, ("nvidia",)),
        (
            {"/etc/apt/sources.list.d/p.sources": "URIs: https://mirror.test/graphics-drivers/ppa/ubuntu/\nSuites: noble\n"},
            ("ppa",),
        ),
        (
            {
                "/etc/apt/sources.list": "deb https://me:secret@mirror.test/my~own noble main\n",
                "/var/lib/apt/lists/mirror.test_my%7eown_dists_noble_InRelease": "Origin: x\nLabel: NVIDIA CUDA\n",
            },
            ("nvidia",),
        ),
        (
            {"/etc/apt/sources.list": "# deb https://mirror.test/compute/cuda/repos/x /\ndeb http://mirror.test/u noble main\n"},
            (),
        ),
        ({"/etc/apt/sources.list.d/c.list": "deb https://mirror.test/libnvidia-container/stable/deb/amd64 /\n"}, ()),
        ({"/etc/apt/sources.list": b"\xff\0deb [ x\n"}, ()),
        ({}, ()),
    ],
)
def test_sources(tmp_path: Path, files: dict[str, Content], expected: tuple[str, ...]) -> None:
    assert driver_packages.sources(record(tmp_path, files)) == expected


# The real apt


def index(folder: Path, name: str, version: str) -> bytes:
    folder.mkdir(parents=True)
    fields = (f"Package: {name}", f"Version: {version}", "Architecture: amd64", "Maintainer: x", "Filename: ./x.deb", "Size: 1")
    data = "\n".join((*fields, f"SHA256: {'0' * 64}", "Description: x", "", "")).encode()
    (folder / "Packages").write_bytes(data)
    return data


def release(at: Path, origin: str, path: str, data: bytes, *more: str) -> None:
    digest = f" {hashlib.sha256(data).hexdigest()} {len(data)} {path}"
    at.write_text("\n".join((f"Origin: {origin}", *more, "Date: Sat, 21 Nov 2026 00:00:00 UTC", "SHA256:", digest, "")))


@pytest.mark.skipif(not shutil.which("apt-cache"), reason="apt is not here to ask")
def test_what_apt_really_says(tmp_path: Path) -> None:
    """Two repositories, one flat, with letters apt escapes; a package of each, and one that neither has any more."""
    flat, ubuntu, machine = tmp_path / "flat~x_y", tmp_path / "ubuntu", tmp_path / "machine"
    release(flat / "Release", "NVIDIA", "Packages", index(flat, "nvidia-open", "590.1-1"), "Label: NVIDIA CUDA")
    suite = ("Suite: noble-updates", "Codename: noble-updates", "Components: restricted", "Architectures: amd64")
    data = index(ubuntu / "dists/noble-updates/restricted/binary-amd64", "nvidia-driver-580", "580.1")
    release(ubuntu / "dists/noble-updates/Release", "Ubuntu", "restricted/binary-amd64/Packages", data, *suite)
    sources = (f"deb [trusted=yes] file:{flat} /", f"deb [trusted=yes] file:{ubuntu} noble-updates restricted", "")
    for folder in ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "var/lib/apt/lists/partial", "cache/archives/partial"):
        (machine / folder).mkdir(parents=True)
    stanzas = (stanza("nvidia-open", "590.1-1"), stanza("nvidia-driver-580", "580.1"), stanza("nvidia-utils-570", "570.1"))
    tree = record(machine, {"/etc/apt/sources.list": "\n".join(sources), STATUS: "".join(stanzas)})
    settings = tmp_path / "apt.conf"
    settings.write_text(
        f'Dir "{machine}";\nDir::State::status "{machine}{STATUS}";\nDir::Cache "cache";\n'
        'Dir::Bin::Methods "/usr/lib/apt/methods";\n'
        'APT::Architecture "amd64";\nAPT::Architectures {"amd64";};\nAPT::Sandbox::User "root";\n'
    )
    environment = {**os.environ, "APT_CONFIG": str(settings), "LC_ALL": "C.UTF-8"}
    subprocess.run(["apt-get", "-q", "update"], env=environment, check=True, capture_output=True)
    names = ("nvidia-open", "nvidia-driver-580", "nvidia-utils-570")
    told = subprocess.run(["apt-cache", "policy", *names], env=environment, check=True, capture_output=True, text=True).stdout
    found = [Package(name, "1") for name in names]
    origins = driver_packages._with_origins(tree, found, driver_packages.policy(told))
    assert {package.name: package.origin for package in origins} == {
        "nvidia-open": "nvidia",
        "nvidia-driver-580": "ubuntu",
        "nvidia-utils-570": "",
    }
    assert driver_packages.sources(tree) == ("nvidia",)
