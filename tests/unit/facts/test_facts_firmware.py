"""EFI, Secure Boot, containers, virtual machines and the network, from recorded files."""

from __future__ import annotations

from pathlib import Path
from struct import pack

import pytest

from provision.agent.facts import netlink, network, security, virtualization
from provision.facts.model import Interface
from tests.unit.facts.recorded import Content, Link, record

EFIVARS = "/sys/firmware/efi/efivars"
SECURE_BOOT = f"{EFIVARS}/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
DMI = "/sys/class/dmi/id"
CLOCKS = "/sys/devices/system/clocksource/clocksource0/available_clocksource"
GUEST: dict[str, Content] = {"/proc/cpuinfo": "processor: 0\nflags\t\t: fpu vme hypervisor lahf_lm\n"}


@pytest.mark.parametrize(
    ("files", "container", "efi", "secure"),
    [
        ({SECURE_BOOT: b"\x06\0\0\0\x01"}, False, True, True),
        ({SECURE_BOOT: b"\x06\0\0\0\x00"}, False, True, False),
        ({f"{EFIVARS}/BootOrder-1": b"x"}, False, True, False),
        ({f"{EFIVARS}/../systab": b""}, False, True, None),
        ({}, False, False, False),
        ({}, True, False, None),
        ({f"{EFIVARS}/../systab": b""}, True, True, None),
    ],
    ids=["on", "off", "firmware without it", "variables not mounted", "bios", "docker", "nspawn"],
)
def test_secure_boot(tmp_path: Path, files: dict[str, Content], *, container: bool, efi: bool, secure: bool | None) -> None:
    (tmp_path / EFIVARS[1:]).mkdir(parents=True) if efi else None
    tree = record(tmp_path, files)
    assert security.efi(tree) is efi
    assert security.secure_boot(tree, container=container) is secure


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "none"),
        ({f"{DMI}/sys_vendor": "Gigabyte Technology Co., Ltd.\n", "/proc/cpuinfo": "flags\t: fpu vme\n"}, "none"),
        ({"/run/systemd/container": "systemd-nspawn\n"}, "systemd-nspawn"),
        ({"/run/host/container-manager": "something-new\n"}, "container-other"),
        ({"/proc/1/environ": b"A=1\0container=lxc\0"}, "lxc"),
        ({"/.dockerenv": "", **GUEST}, "docker"),
        ({"/run/.containerenv": ""}, "podman"),
        ({"/proc/vz/x": ""}, "openvz"),
        ({"/proc/sys/kernel/osrelease": "5.15.167.4-microsoft-standard-WSL2\n"}, "wsl"),
        ({f"{DMI}/product_name": "KVM\n"}, "kvm"),
        ({f"{DMI}/sys_vendor": "QEMU\n", **GUEST}, "qemu"),
        ({f"{DMI}/sys_vendor": "QEMU\n", CLOCKS: "kvm-clock tsc acpi_pm\n", **GUEST}, "kvm"),
        ({f"{DMI}/sys_vendor": "innotek GmbH\n", CLOCKS: "kvm-clock tsc\n", **GUEST}, "oracle"),
        ({f"{DMI}/product_name": "VMware Virtual Platform\n", **GUEST}, "vmware"),
        ({f"{DMI}/board_vendor": "Amazon EC2\n"}, "amazon"),
        ({CLOCKS: "tsc hyperv_clocksource_tsc_page\n", **GUEST}, "microsoft"),
        ({"/sys/hypervisor/type": "xen\n"}, "xen"),
        (GUEST, "vm-other"),
        ({"/proc/cpuinfo": "model name: hypervisor\nflags\t: fpu\n"}, "none"),
    ],
)
def test_virtualization(tmp_path: Path, files: dict[str, Content], expected: str) -> None:
    assert virtualization.virtualization(record(tmp_path, files)) == expected


def test_interfaces(tmp_path: Path) -> None:
    files: dict[str, Content] = {"/sys/class/net/bonding_masters": "\n"}
    for index, (name, state, flags) in enumerate([("eno1", "up", "0x1003"), ("lo", "unknown", "0x9"), ("wg0", "unknown", "0x0")]):
        at = f"/sys/devices/virtual/net/{name}"
        files |= {f"{at}/ifindex": f"{index + 1}\n", f"{at}/operstate": f"{state}\n", f"{at}/flags": f"{flags}\n"}
        files |= {
            f"{at}/address": f"00:00:00:00:00:0{index}\n",
            f"/sys/class/net/{name}": Link(f"../../devices/virtual/net/{name}"),
        }
    files["/proc/net/if_inet6"] = (
        "fe80000000000000000c29fffe000001 02 40 20 80     eno1\n00000000000000000000000000000001 01 80 10 80       lo\n"
        "nothexadecimal 02 40 20 80 eno1\n20010db8 02 40 00 80 eno1\ngarbage\n"
    )
    assert network.interfaces(record(tmp_path, files)) == (
        Interface(name="eno1", mac="00:00:00:00:00:00", up=True, addresses=("fe80::c:29ff:fe00:1",)),
        Interface(name="lo", mac="00:00:00:00:00:01", up=True, addresses=("::1",)),
        Interface(name="wg0", mac="00:00:00:00:00:02", up=False),
    )


def attribute(kind: int, value: bytes) -> bytes:
    return pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def test_a_netlink_message_names_the_local_end() -> None:
    head = pack("=BBBBI", 2, 24, 0, 0, 7)
    peer, local, label = attribute(1, bytes([10, 0, 0, 2])), attribute(2, bytes([10, 0, 0, 1])), attribute(3, b"tun0\0")
    assert list(netlink.address(head + peer + label + local)) == [(7, "10.0.0.1")]
    assert list(netlink.address(head + label + peer)) == [(7, "10.0.0.2")]
    assert list(netlink.address(head + label)) == []
    assert list(netlink.address(head + pack("=HH", 0, 2))) == []
