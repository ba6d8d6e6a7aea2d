"""The NVIDIA driver as recorded files show it: each fact absent, present and malformed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from provision.agent.facts import collect, driver, modprobe
from provision.facts.model import Driver, dump, load
from tests.unit.facts.kernel_objects import OPEN, module
from tests.unit.facts.recorded import Content, Link, process, record

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


def test_nobody_is_looked_for_while_nothing_is_loaded(tmp_path: Path) -> None:
    assert of(tmp_path, {**CARD, **process(2, "x", "/dev/nvidia0")}).users == ()
    assert of(tmp_path, {"/sys/module/nvidia/version": "1.2\n"}).users == ("x (pid 2, 0)",)


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
