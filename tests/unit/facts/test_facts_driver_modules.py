"""The driver's modules on disk, the kernels they are for, DKMS, and the key it signs with: from recorded files."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.agent.facts import dkms, kernel_modules, mok
from provision.agent.facts.tree import Tree
from provision.facts.model import DkmsBuild, DriverModule, InstalledKernel, Kernel
from tests.unit.facts.kernel_objects import NVIDIA, OPEN, issued, module, pkcs7, signature
from tests.unit.facts.recorded import Content, Link, record

OLD, NEW = "6.8.0-40-generic", "6.8.0-45-generic"


# Modules and kernels


def test_modules_of_every_kernel(tmp_path: Path) -> None:
    signed = module(NVIDIA) + signature(pkcs7(issued((b"\x03", "Canonical Ltd. Kernel Module Signing"))))
    files: dict[str, Content] = {
        f"/boot/vmlinuz-{OLD}": "",
        f"/boot/vmlinuz-{NEW}": "",
        f"/lib/modules/{NEW}/kernel/nvidia-580/nvidia.ko": signed,
        f"/lib/modules/{NEW}/kernel/nvidia-580/nvidia-drm.ko": "",
        f"/lib/modules/{NEW}/kernel/drivers/video/nvidia.ko": "torn",
        f"/lib/modules/{NEW}/kernel/drivers/platform/x86/nvidia-wmi-ec-backlight.ko": "",
        f"/lib/modules/{NEW}/updates/dkms/nvidia.ko": module(OPEN),
        f"/lib/modules/{NEW}/updates/loop": Link("."),
        f"/lib/modules/{OLD}/updates/dkms/nvidia-current.ko": module(NVIDIA),
        f"/lib/modules/{OLD}/updates/dkms/nvidia-current-uvm.ko": module(NVIDIA),
        "/lib/modules/9.9-gone/updates/nvidia.ko": module(NVIDIA),
    }
    tree = record(tmp_path, files)
    found = kernel_modules.modules(tree, Kernel(running=OLD, next=NEW))
    assert [(item.kernel, item.name, item.path.removeprefix("/lib/modules/"), item.flavour) for item in found] == [
        (OLD, "nvidia-current", f"{OLD}/updates/dkms/nvidia-current.ko", "proprietary"),
        (NEW, "nvidia", f"{NEW}/updates/dkms/nvidia.ko", "open"),
        (NEW, "nvidia", f"{NEW}/kernel/nvidia-580/nvidia.ko", "proprietary"),
        (NEW, "nvidia", f"{NEW}/kernel/drivers/video/nvidia.ko", ""),
    ]
    assert found[2] == DriverModule(
        kernel=NEW,
        name="nvidia",
        path=f"/lib/modules/{NEW}/kernel/nvidia-580/nvidia.ko",
        version="580.95.05",
        flavour="proprietary",
        signer="Canonical Ltd. Kernel Module Signing",
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nvidia.ko", True),
        ("nvidia.ko.zst", True),
        ("nvidia-current.ko.xz", True),
        ("nvidia-current-open.ko", True),
        ("nvidia-tesla-470.ko", True),
        ("nvidia-tesla-470-drm.ko", False),
        ("nvidia-uvm.ko", False),
        ("nvidia-current-peermem.ko", False),
        ("nvidiafb.ko", False),
        ("nvidia.ko.old", False),
        ("nvidia", False),
    ],
)
def test_names_of_the_driver(name: str, expected: bool) -> None:  # noqa: FBT001 - what it is to be
    assert kernel_modules.is_driver(name) is expected


def test_kernels_with_headers_and_without(tmp_path: Path) -> None:
    files: dict[str, Content] = {f"/boot/vmlinuz-{release}": "" for release in (OLD, NEW, f"{NEW}-64k", "6.9.0-custom")}
    files |= {
        f"/lib/modules/{NEW}/build": Link(f"/usr/src/linux-headers-{NEW}"),
        f"/usr/src/linux-headers-{NEW}/Makefile": "",
        f"/lib/modules/{OLD}/build": Link(f"/usr/src/linux-headers-{OLD}"),
        f"/usr/src/linux-headers-{OLD}/left-over": "",
        "/lib/modules/6.9.0-custom/build": Link("build"),
    }
    owned = frozenset((f"linux-image-{NEW}-64k", f"linux-image-unsigned-{OLD}"))
    assert kernel_modules.kernels(record(tmp_path, files), owned) == (
        InstalledKernel(release=OLD, headers=False),
        InstalledKernel(release=NEW, headers=True, owned=False),
        InstalledKernel(release=f"{NEW}-64k", headers=False),
        InstalledKernel(release="6.9.0-custom", headers=False, owned=False),
    )
    assert all(kernel.owned for kernel in kernel_modules.kernels(Tree(str(tmp_path)), frozenset()))


# DKMS, and the key it signs with


def test_dkms(tmp_path: Path) -> None:
    base = "/var/lib/dkms/nvidia"
    files: dict[str, Content] = {
        f"{base}/580.95.05/source": Link("/usr/src/nvidia-580.95.05"),
        f"{base}/580.95.05/{OLD}/x86_64/module/nvidia.ko": "",
        f"{base}/580.95.05/{OLD}/x86_64/log/make.log": "",
        f"{base}/580.95.05/{NEW}/x86_64/module/nvidia.ko.zst": "",
        f"{base}/580.95.05/6.8.0-99-generic/.tmp_x86_64_abc/module/nvidia.ko.zst": "",
        f"{base}/kernel-{OLD}-x86_64": Link(f"580.95.05/{OLD}/x86_64"),
        f"{base}/580.95.05/build/make.log": "DKMS (dkms-3.2.2) make.log for nvidia/580.95.05 for kernel 7.0.0-3 (x86_64)\n",
        "/var/lib/dkms/nvidia-current/535.261.03/source": Link("/usr/src/nvidia-current-535.261.03"),
        "/var/lib/dkms/nvidia-current-open/535.1/6.1/x86_64/log/make.log": "error: …\n",
        "/var/lib/dkms/nvidia-fs/2.1/source": "",
        "/var/lib/dkms/zfs/2.1/source": "",
        "/var/lib/dkms/nvidia-odd": "a file",
        "/var/lib/dkms/nvidia-empty/1/build/make.log": "\0\xff",
    }
    assert dkms.builds(record(tmp_path, files)) == (
        DkmsBuild(name="nvidia", version="580.95.05", kernel=OLD, state="installed"),
        DkmsBuild(name="nvidia", version="580.95.05", kernel=NEW, state="built"),
        DkmsBuild(name="nvidia", version="580.95.05", kernel="7.0.0-3", state="failed"),
        DkmsBuild(name="nvidia-current", version="535.261.03", state="added"),
        DkmsBuild(name="nvidia-current-open", version="535.1", kernel="6.1", state="failed"),
        DkmsBuild(name="nvidia-empty", version="1", state="added"),
    )


CERTIFICATE = b"\x30\x82\x03\x00" + bytes(range(256)) * 3
DER = "/var/lib/shim-signed/mok/MOK.der"
EFIVARS, WHOLE = "/sys/firmware/efi/efivars", "/sys/firmware/efi/mok-variables"
GUID = "605dab50-e046-4300-abb6-3dd810dd8b23"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({DER: CERTIFICATE}, None),
        ({f"{EFIVARS}/MokListRT-{GUID}": b"\6\0\0\0list" + CERTIFICATE}, None),
        ({DER: CERTIFICATE, f"{EFIVARS}/MokListRT-{GUID}": b"\6\0\0\0list" + CERTIFICATE}, True),
        ({DER: CERTIFICATE + b"\n", f"{WHOLE}/MokListRT": b"list" + CERTIFICATE + b"more"}, True),
        ({"/var/lib/dkms/mok.pub": CERTIFICATE, f"{EFIVARS}/MokListRT1-{GUID}": CERTIFICATE}, True),
        ({DER: CERTIFICATE, f"{EFIVARS}/db-d719b2cb": CERTIFICATE}, True),
        ({DER: CERTIFICATE, f"{EFIVARS}/db-d719b2cb": b"others"}, False),
        ({DER: CERTIFICATE, f"{EFIVARS}/MokNew-{GUID}": CERTIFICATE, f"{EFIVARS}/MokListRT-{GUID}": b"\6\0\0\0"}, False),
        ({DER: b"", f"{EFIVARS}/MokListRT-{GUID}": CERTIFICATE}, None),
        ({DER: b"garbage", f"{EFIVARS}/MokListRT-{GUID}": b"garbage"}, None),
        (
            {
                DER: CERTIFICATE,
                "/etc/dkms/framework.conf": 'mok_certificate="/root/other.der"\n',
                "/etc/dkms/framework.conf.d/mine.conf": 'mok_certificate="/root/mine.der"\n',
                "/root/other.der": CERTIFICATE,
                "/root/mine.der": CERTIFICATE[:-1] + b"!",
                f"{EFIVARS}/MokListRT-{GUID}": CERTIFICATE,
            },
            False,
        ),
    ],
)
def test_mok(tmp_path: Path, files: dict[str, Content], expected: bool | None) -> None:  # noqa: FBT001 - what it is to be
    assert mok.mok_enrolled(record(tmp_path, files)) is expected
