"""The NVIDIA driver as recorded files show it: each fact absent, present and malformed."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent.facts import collect, dkms, driver, gpu_users, kernel_log, kernel_modules, modprobe, mok, throttle
from provision.agent.facts.tree import Tree
from provision.facts.model import DkmsBuild, Driver, DriverModule, InstalledKernel, Kernel, dump, load
from tests.unit.facts.kernel_objects import NVIDIA, OPEN, issued, module, pkcs7, signature
from tests.unit.facts.recorded import Content, Link, record

LIB = "/usr/lib/x86_64-linux-gnu"
OLD, NEW = "6.8.0-40-generic", "6.8.0-45-generic"
AMD64: dict[str, Content] = {"/var/lib/dpkg/arch": "amd64\n"}
CARD: dict[str, Content] = {
    "/sys/bus/pci/devices/0000:01:00.0/class": "0x030000\n",
    "/sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n",
    "/sys/bus/pci/devices/0000:01:00.0/device": "0x1e84\n",
}
SAYS_OPEN = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (dvs-builder@U22)\nGCC version: 13\n"
)
SAYS_CLOSED = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.90.07  Fri May 31 09:35:42 UTC 2024\nGCC version: 12\n"


def of(folder: Path, files: Mapping[str, Content]) -> Driver:
    return collect(root=record(folder, {**AMD64, **files}).root, login="me").driver


# Whether to look at all


def test_nothing_of_nvidia_nothing_looked_at(tmp_path: Path) -> None:
    assert of(tmp_path, {"/sys/module/nouveau/initstate": "live\n", "/var/log/kern.log": "h kernel: [1] nouveau\n"}) == Driver()


@pytest.mark.parametrize(
    "trace",
    [
        "/sys/module/nvidia/version",
        "/usr/bin/nvidia-smi",
        "/usr/bin/nvidia-uninstall",
        "/usr/src/nvidia-580.95.05/dkms.conf",
        "/var/lib/dkms/nvidia/580.95.05/source",
        f"{LIB}/libnvidia-ml.so.1",
        f"/lib/modules/{NEW}/kernel/nvidia-580/nvidia.ko",
        "/sys/bus/pci/devices/0000:01:00.0/class",
    ],
)
def test_every_trace_counts(tmp_path: Path, trace: str) -> None:
    running: dict[str, Content] = {"/proc/sys/kernel/osrelease": f"{NEW}\n", "/sys/module/nouveau/initstate": "live\n"}
    assert of(tmp_path, {**running, **(CARD if "pci" in trace else {trace: ""})}).nouveau == "nouveau"


def test_a_card_and_nothing_else(tmp_path: Path) -> None:
    assert of(tmp_path, CARD) == Driver()


# The module that is loaded, and the library


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"/sys/module/nvidia/version": "580.95.05\n", "/proc/driver/nvidia/version": SAYS_OPEN}, ("580.95.05", "open")),
        ({"/sys/module/nvidia/version": "550.90.07\n", "/proc/driver/nvidia/version": SAYS_CLOSED}, ("550.90.07", "proprietary")),
        ({"/proc/driver/nvidia/version": SAYS_CLOSED}, ("550.90.07", "proprietary")),
        ({"/sys/module/nvidia/version": "580.95.05\n"}, ("580.95.05", "")),
        ({"/proc/driver/nvidia/version": "NVRM version: nonsense \xff 1.2.3.4 1. Kernel Module\n"}, ("", "")),
        ({"/proc/driver/nvidia/version/not-a-file": ""}, ("", "")),
    ],
)
def test_what_is_loaded(tmp_path: Path, files: dict[str, Content], expected: tuple[str, str]) -> None:
    found = of(tmp_path, {**CARD, **files})
    assert (found.loaded, found.loaded_flavour) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({f"{LIB}/libnvidia-ml.so.1": Link("libnvidia-ml.so.580.95.05"), f"{LIB}/libnvidia-ml.so.580.95.05": ""}, "580.95.05"),
        (
            {
                f"{LIB}/libnvidia-ml.so.1": Link("/etc/alternatives/glx--libnvidia-ml.so.1-x86_64-linux-gnu"),
                "/etc/alternatives/glx--libnvidia-ml.so.1-x86_64-linux-gnu": Link(f"{LIB}/nvidia/current/libnvidia-ml.so.1"),
                f"{LIB}/nvidia/current/libnvidia-ml.so.1": Link("libnvidia-ml.so.535.261.03"),
            },
            "535.261.03",
        ),
        ({"/usr/lib64/libnvidia-ml.so.1": Link("../lib64/./libnvidia-ml.so.470.256.02")}, "470.256.02"),
        ({f"{LIB}/libnvidia-ml.so.1": ""}, ""),
        ({f"{LIB}/libnvidia-ml.so.1": Link("libnvidia-ml.so.1")}, ""),
        ({f"{LIB}/libnvidia-ml.so.1": Link("libnvidia-ml.so.580.95.05.bak")}, ""),
    ],
    ids=["ubuntu", "debian", "runfile", "no link", "loop", "odd name"],
)
def test_library(tmp_path: Path, files: dict[str, Content], expected: str) -> None:
    assert of(tmp_path, files).library == expected


def test_nova(tmp_path: Path) -> None:
    assert of(tmp_path, {**CARD, "/sys/module/nova_core/initstate": "live\n"}).nouveau == "nova_core"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"/usr/bin/nvidia-persistenced": ""}, False),
        ({"/usr/bin/nvidia-persistenced": "", "/run/nvidia-persistenced/nvidia-persistenced.pid": "88\n"}, False),
        (
            {
                "/usr/bin/nvidia-persistenced": "",
                "/run/nvidia-persistenced/nvidia-persistenced.pid": "88\n",
                "/proc/88/comm": "nvidia-persiste\n",
            },
            True,
        ),
        ({"/usr/bin/nvidia-persistenced": "", "/run/nvidia-persistenced/x.pid": "../..\n"}, False),
    ],
    ids=["absent", "not started", "left over", "runs", "garbage"],
)
def test_persistence(tmp_path: Path, files: dict[str, Content], expected: bool | None) -> None:  # noqa: FBT001 - what it is to be
    assert of(tmp_path, {**CARD, **files}).persistence is expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"/usr/bin/nvidia-uninstall": ""}, "/usr/bin/nvidia-uninstall"),
        ({"/usr/bin/nvidia-uninstall": Link("nvidia-installer"), "/usr/bin/nvidia-installer": ""}, "/usr/bin/nvidia-uninstall"),
        ({"/var/lib/nvidia/log": "1\n"}, "/var/lib/nvidia/log"),
        ({"/usr/bin/nvidia-uninstall": "", "/var/lib/dpkg/info/nvidia-x.list": "/usr/bin/nvidia-uninstall\n"}, ""),
        ({"/var/log/nvidia-installer.log": "left over\n"}, ""),
    ],
)
def test_runfile(tmp_path: Path, files: dict[str, Content], expected: str) -> None:
    assert of(tmp_path, {**CARD, **files}).runfile == expected


# modprobe


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"/etc/modprobe.d/n.conf": "# blacklist nouveau\noptions nouveau modeset=0\n"}, False),
        ({"/etc/modprobe.d/n.conf": "  blacklist\tnouveau  \n"}, True),
        ({"/usr/lib/modprobe.d/n.conf": "blacklist \\\n nouveau\n"}, True),
        ({"/lib/modprobe.d/n.conf": "install nouveau /bin/false\n"}, True),
        ({"/run/modprobe.d/n.conf": "install nouveau /usr/bin/true\n"}, True),
        ({"/etc/modprobe.d/n.conf": "install nouveau /sbin/modprobe --ignore-install nouveau\n"}, False),
        ({"/etc/modprobe.d/n.conf": "blacklist nouveau_x\nblacklist\ninstall nouveau\n\0"}, False),
        ({"/etc/modprobe.d/n.conf~": "blacklist nouveau\n"}, False),
        ({"/etc/modprobe.d/n.conf": Link("/dev/null"), "/usr/lib/modprobe.d/n.conf": "blacklist nouveau\n"}, False),
        ({"/etc/modprobe.d/n.conf": Link("/etc/nvidia/n.conf"), "/etc/nvidia/n.conf": "blacklist nouveau\n"}, True),
        ({"/etc/modprobe.d/n.conf": Link("n.conf")}, False),
        ({"/etc/modprobe.d/n.conf": b"\xff\xfe\nblacklist nouveau\n"}, True),
        ({"/proc/cmdline": "quiet modprobe.blacklist=a,nouveau\n"}, True),
        ({"/proc/cmdline": "quiet nouveau.modeset=0 module_blacklist=nouveaux\n"}, False),
        ({}, False),
    ],
)
def test_nouveau_blocked(tmp_path: Path, files: dict[str, Content], expected: bool) -> None:  # noqa: FBT001 - what it is to be
    assert modprobe.blocked(record(tmp_path, files), "nouveau") is expected


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


# Who uses it


def process(
    number: int, name: str, *held: str, uid: int = 0, group: str = "0::/user.slice", space: str = "1"
) -> dict[str, Content]:
    files: dict[str, Content] = {
        f"/proc/{number}/comm": f"{name}\n",
        f"/proc/{number}/status": f"Name:\t{name}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n",
        f"/proc/{number}/cgroup": f"{group}\n",
        f"/proc/{number}/ns/mnt": Link(f"mnt:[{space}]"),
    }
    return files | {f"/proc/{number}/fd/{at}": Link(target) for at, target in enumerate(held)}


def test_users(tmp_path: Path) -> None:
    box = "a1" * 32
    files: dict[str, Content] = {"/etc/passwd": "root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\nbroken\n"}
    files |= process(1, "systemd", "/dev/null")
    files |= process(700, "nvidia-persiste", "/dev/nvidiactl")
    files |= process(900, "Xorg", "/dev/tty7", "/dev/nvidia0")
    files |= process(4242, "python3", "socket:[1]", "/dev/nvidia-uvm", "/dev/nvidia12", uid=1000)
    files |= process(4243, "evil\x1b[31m\u202e", "/dev/nvidiactl", uid=4294967295)
    files |= process(5000, "sh", "/dev/null", group=f"0::/system.slice/docker-{box}.scope", space="2")
    files |= process(5001, "sleep", group=f"0::/system.slice/docker-{box}.scope", space="2")
    files |= process(6000, "ollama", "/dev/nvidiactl", group=f"12:devices:/docker/{box}", space="3")
    files |= process(7000, "postgres", group="0::/system.slice/postgresql.service", space="4")
    files |= process(8000, "idle", group=f"0::/machine.slice/libpod-{box}.scope/container", space="5")
    files |= process(9000, "reader", "/dev/nvidia-caps/nvidia-cap1", "/dev/nvidia-modeset", "/home/me/dev/nvidia0")
    files |= {"/proc/5000/root/dev/nvidiactl": "", "/proc/7000/root/dev/nvidiactl": "", "/proc/6000/root/dev/nvidiactl": ""}
    files |= {"/proc/self/fd/0": Link("/dev/nvidia0"), "/proc/9999/fd": "not a folder"}
    assert gpu_users.users(record(tmp_path, files)) == (
        "Xorg (pid 900, root)",
        "python3 (pid 4242, me)",
        "evil[31m? (pid 4243, 4294967295)",
        "sh (pid 5000, root, docker a1a1a1a1a1a1)",
        "ollama (pid 6000, root, docker a1a1a1a1a1a1)",
    )


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-" + "ab" * 32 + ".scope", "containerd abababababab"),
        ("0::/kubepods/besteffort/pod1/" + "cd" * 32, "container cdcdcdcdcdcd"),
        ("0::/lxc.payload.web/x", "lxc web"),
        ("0::/machine.slice/systemd-nspawn@box.service/payload", "machine box"),
        ("0::/machine.slice/crio-" + "ef" * 32 + ".scope", "cri-o efefefefefef"),
        ("0::/", ""),
        ("\0\xff", ""),
    ],
)
def test_containers(tmp_path: Path, group: str, expected: str) -> None:
    files = process(2, "x", "/dev/nvidia0", group=group, space="2")
    files |= process(1, "systemd")
    assert gpu_users.users(record(tmp_path, files)) == (f"x (pid 2, 0{', ' if expected else ''}{expected})",)


def test_nobody_is_looked_for_while_nothing_is_loaded(tmp_path: Path) -> None:
    assert of(tmp_path, {**CARD, **process(2, "x", "/dev/nvidia0")}).users == ()
    assert of(tmp_path, {"/sys/module/nvidia/version": "1.2\n"}).users == ("x (pid 2, 0)",)


# nvidia-smi, and the kernel's log


def test_throttle() -> None:
    text = """
GPU 00000000:01:00.0
    Performance State                                  : P0
    Clocks Event Reasons
        Idle                                           : Active
        Applications Clocks Setting                    : Not Active
        SW Power Cap                                   : Active
        HW Slowdown
            HW Thermal Slowdown                        : Active
            HW Power Brake Slowdown                    : Not Active
        Sync Boost                                     : Not Active
    Clocks Event Reasons Counters
        HW Power Braking                               : Active
    Sparse Operation Mode                              : N/A

GPU 00000000:02:00.0
    Clocks Throttle Reasons
        SW Power Cap                                   : Active
        SW Thermal Slowdown                            : Active
"""
    assert throttle.parse(text) == ("SW Power Cap", "HW Thermal Slowdown", "SW Thermal Slowdown")
    assert throttle.parse("Failed to initialize NVML: Driver/library version mismatch\n") == ()


@given(st.text(max_size=200))
def test_whatever_nvidia_smi_says(text: str) -> None:
    assert isinstance(throttle.parse(f"    Clocks Event Reasons\n{text}"), tuple)


LOG = """Nov 21 08:00:00 box kernel: [    0.000000] Linux version 6.8.0-40-generic
Nov 21 08:00:01 box kernel: [    1.000000] NVRM: of another boot
Nov 22 08:00:00 box kernel: [    0.000000] Linux version 6.8.0-45-generic
Nov 22 08:00:01 box kernel: [    1.000000] nouveau 0000:01:00.0: NVIDIA TU104 (164000a1)
Nov 22 08:00:01 box kernel: [    2.000000] usb 1-1: new device
Nov 22 08:00:02 box kernel: [    3.5] Loading of module with unavailable key is rejected
2026-11-22T08:00:03+00:00 box kernel: NVRM: Xid (PCI:0000:01:00): 79, pid=1, GPU has fallen off the bus.\x1b[2J
Nov 22 08:00:04 box kernel: [    4.5] audit: type=1400 apparmor="DENIED" name="/proc/driver/nvidia/params"
Nov 22 08:00:04 box systemd[1]: NVRM: not the kernel's
"""


def test_log_of_this_boot(tmp_path: Path) -> None:
    assert kernel_log.lines(record(tmp_path, {"/var/log/kern.log": LOG})) == (
        "nouveau 0000:01:00.0: NVIDIA TU104 (164000a1)",
        "Loading of module with unavailable key is rejected",
        "NVRM: Xid (PCI:0000:01:00): 79, pid=1, GPU has fallen off the bus.[2J",
    )


def test_a_flood_keeps_what_is_new(tmp_path: Path) -> None:
    flood = "".join(f"x kernel: [{n}.0] NVRM: line {-n % 50} {'y' * 900}\n" for n in range(1000))
    found = kernel_log.lines(record(tmp_path, {"/var/log/kern.log": f"{flood}x kernel: [1] NVRM: line 50 {'y' * 900}\n" * 2}))
    assert [line.split()[2] for line in found] == [*(str(n) for n in range(39, 0, -1)), "50"]
    assert {len(line) for line in found} == {400}


@given(st.binary(max_size=200))
def test_whatever_the_kernel_says(data: bytes) -> None:
    assert isinstance(kernel_log.message(data), bytes)
    assert all(b"\n" not in line for line in kernel_log.from_file(data))


def test_records_of_the_device() -> None:
    assert kernel_log.message(b"4,812,90921,-,caller=T1;NVRM: a; b\n SUBSYSTEM=pci\n DEVICE=+pci:1\n") == b"NVRM: a; b"
    assert kernel_log.message(b"nonsense") == kernel_log.message(b"30,1,2,-;systemd[1]: nvidia-persistenced") == b""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the kernel's log everywhere")
def test_the_device_is_read_to_its_end() -> None:
    assert all(line.isprintable() for line in kernel_log.lines(Tree()))


# All of it


def test_a_whole_driver_survives_a_round_trip(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        **CARD,
        "/proc/sys/kernel/osrelease": f"{NEW}\n",
        f"/boot/vmlinuz-{NEW}": "",
        f"/lib/modules/{NEW}/updates/dkms/nvidia.ko": module(OPEN),
        "/sys/module/nvidia/version": "580.95.05\n",
        "/var/lib/dkms/nvidia/580.95.05/source": "",
        "/var/lib/dpkg/status": "Package: nvidia-open\nStatus: hold ok installed\nArchitecture: all\nVersion: 580.95.05-1\n\n",
        **process(7, "x", "/dev/nvidia0"),
    }
    facts = collect(root=record(tmp_path, files).root, login="me")
    assert load(dump(facts)) == facts
    found = {
        field.name for field in dataclasses.fields(Driver) if getattr(facts.driver, field.name) != getattr(Driver(), field.name)
    }
    assert found == {"loaded", "modules", "kernels", "packages", "dkms", "users"}


def test_nothing_of_this_machine_is_seen_through_links(tmp_path: Path) -> None:
    outside = str(Path(__file__).parent)
    files: dict[str, Content] = {
        **CARD,
        "/boot/vmlinuz-1": "",
        "/lib/modules/1/build": Link(outside),
        "/etc/alternatives/x": Link("/"),
    }
    assert not of(tmp_path, files).kernels[0].headers


def test_the_trace_needs_no_other_module() -> None:
    assert not {"re", "lzma", "dkms", "mok"} & set(vars(driver))
