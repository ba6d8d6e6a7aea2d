"""Processor, memory, disks and GPUs from recorded /proc and /sys."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.agent.facts import gpus, hardware
from provision.facts.model import Cpu, Disk, Gpu
from tests.unit.facts.recorded import Content, Link, record

PCI = "/sys/bus/pci/devices"
PCI_IDS = """# comment
1002  Advanced Micro Devices, Inc. [AMD/ATI]
\t1e84  Not this one
10de  NVIDIA Corporation
\t1e81  TU104 [GeForce RTX 2080 SUPER]
\t1e84  TU104 [GeForce RTX 2070 SUPER]
\t\t10de 139e  A subsystem
8086  Intel Corporation
\t3e92  CoffeeLake-S GT2 [UHD Graphics 630]
"""


def thread(number: int, core: int, package: int = 0) -> str:
    return f"processor\t: {number}\nmodel name\t: AMD Ryzen 7 3700X\nphysical id\t: {package}\ncore id\t\t: {core}\n\n"


def pci(slot: str, kind: str, vendor: str, device: str, driver: str = "") -> dict[str, Content]:
    files: dict[str, Content] = {
        f"{PCI}/{slot}/class": f"{kind}\n",
        f"{PCI}/{slot}/vendor": f"0x{vendor}\n",
        f"{PCI}/{slot}/device": f"0x{device}\n",
    }
    return files | ({f"{PCI}/{slot}/driver": Link(f"../../../bus/pci/drivers/{driver}")} if driver else {})


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("".join(thread(n, n % 8) for n in range(16)), Cpu(model="AMD Ryzen 7 3700X", cores=8, threads=16)),
        ("".join(thread(n, n % 2, n // 2) for n in range(4)), Cpu(model="AMD Ryzen 7 3700X", cores=4, threads=4)),
        ("processor\t: 0\nBogoMIPS\t: 50.00\n\nprocessor\t: 1\n", Cpu(model="", cores=2, threads=2)),
        ("", Cpu(model="", cores=0, threads=0)),
        ("\x00garbage\n:::\n", Cpu(model="", cores=0, threads=0)),
    ],
    ids=["smt", "two sockets", "arm", "absent", "garbage"],
)
def test_cpu(tmp_path: Path, cpuinfo: str, expected: Cpu) -> None:
    assert hardware.cpu(record(tmp_path, {"/proc/cpuinfo": cpuinfo})) == expected


@pytest.mark.parametrize(
    ("meminfo", "expected"),
    [("MemTotal:       32795140 kB\nMemFree: 1 kB\n", 32795140 * 1024), ("", 0), ("MemTotal:\n", 0), ("MemTotal: lots kB\n", 0)],
)
def test_memory(tmp_path: Path, meminfo: str, expected: int) -> None:
    assert hardware.memory(record(tmp_path, {"/proc/meminfo": meminfo})) == expected


def test_disks_without_what_is_built_on_them(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/sys/block/nvme0n1/size": "976773168\n",
        "/sys/block/nvme0n1/queue/rotational": "0\n",
        "/sys/block/nvme0n1/device/model": "Samsung SSD 970 EVO Plus 500GB          \n",
        "/sys/block/sda/size": "1953525168\n",
        "/sys/block/sda/queue/rotational": "1\n",
        "/sys/block/nvme0c0n1/size": "976773168\n",
        "/sys/block/nvme0c0n1/hidden": "1\n",
        "/sys/block/sdb/size": "0\n",
        "/sys/block/sdc/size": "garbage\n",
    }
    files |= {f"/sys/block/{name}/size": "2048\n" for name in ("loop0", "ram1", "zram0", "dm-0", "md127", "sr0", "nbd0")}
    assert hardware.disks(record(tmp_path, files)) == (
        Disk(name="nvme0n1", size=500107862016, rotational=False, model="Samsung SSD 970 EVO Plus 500GB"),
        Disk(name="sda", size=1000204886016, rotational=True),
    )


def test_gpus(tmp_path: Path) -> None:
    files = {
        **pci("0000:01:00.0", "0x030000", "10de", "1e84", "nouveau"),
        **pci("0000:01:00.1", "0x040300", "10de", "10f8", "snd_hda_intel"),
        **pci("0000:00:02.0", "0x038000", "8086", "3e92"),
        **pci("0000:02:00.0", "0x030200", "10de", "ffff"),
        "/usr/share/misc/pci.ids": PCI_IDS,
    }
    assert gpus.gpus(record(tmp_path, files)) == (
        Gpu(slot="0000:00:02.0", pci="8086:3e92", name="CoffeeLake-S GT2 [UHD Graphics 630]"),
        Gpu(slot="0000:01:00.0", pci="10de:1e84", name="TU104 [GeForce RTX 2070 SUPER]", driver="nouveau"),
        Gpu(slot="0000:02:00.0", pci="10de:ffff"),
    )


def test_udev_has_looked_the_name_up_already(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        **pci("0000:01:00.0", "0x030000", "10de", "2b85"),
        "/run/udev/data/+pci:0000:01:00.0": "I:1\nE:ID_MODEL_FROM_DATABASE=GB202 [GeForce RTX 5090]\n",
        "/usr/share/hwdata/pci.ids": "10de  NVIDIA\n\t2b85  another name\n",
    }
    assert gpus.gpus(record(tmp_path, files))[0].name == "GB202 [GeForce RTX 5090]"
    (tmp_path / "run/udev/data/+pci:0000:01:00.0").unlink()
    assert gpus.gpus(record(tmp_path, {}))[0].name == "another name"


def test_no_bus_no_gpu(tmp_path: Path) -> None:
    assert gpus.gpus(record(tmp_path, {f"{PCI}/0000:00:00.0/class": "\xff"})) == ()


_V2 = "lm sse2 cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"
_V3 = f"{_V2} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"
_V4 = f"{_V3} avx512bw avx512cd avx512dq avx512f avx512vl"


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        ("", ""),
        ("fp asimd evtstrm aes", ""),  # ARM says `Features`, and such words
        ("sse2 avx2", ""),  # 32 bits
        ("lm sse2", "x86_64_v1"),
        (_V2, "x86_64_v2"),
        (_V3.replace(" fma", ""), "x86_64_v2"),
        (_V3, "x86_64_v3"),
        (_V4.replace(" avx512vl", ""), "x86_64_v3"),
        (f"{_V4} amx_tile", "x86_64_v4"),
        (_V4.replace(" ssse3", ""), "x86_64_v1"),
    ],
)
def test_what_a_processor_can_do(tmp_path: Path, flags: str, level: str) -> None:
    assert hardware.cpu(record(tmp_path, {"/proc/cpuinfo": f"processor: 0\nflags\t\t: {flags}\n"})).level == level
