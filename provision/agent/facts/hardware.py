"""The processor, memory and disks."""

from __future__ import annotations

from provision.agent.facts.tree import Tree, number
from provision.facts.model import Cpu, Disk

_SECTOR = 512
"""Bytes: `/sys/block/*/size` counts these whatever the disk's own sector is."""
_LEVELS = (
    ("x86_64_v2", "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"),
    ("x86_64_v3", "abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"),
    ("x86_64_v4", "avx512bw avx512cd avx512dq avx512f avx512vl"),
)
"""What each level adds, as the kernel calls it. Source: the x86-64 psABI, "Micro-Architecture Levels"."""
_NOT_DISKS = ("loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd", "mtd", "rbd")


def cpu(tree: Tree) -> Cpu:
    """Return the processor; where cores are not told apart (ARM), each thread is one."""
    model = ""
    package = ""
    flags = ""
    threads = 0
    cores = set()
    for line in tree.text("/proc/cpuinfo").split("\n"):
        name, _, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if name == "processor":
            threads += 1
        elif name == "model name":
            model = model or value
        elif name == "physical id":
            package = value
        elif name == "core id":
            cores.add((package, value))
        elif name == "flags":
            flags = value
    model = model or tree.line("/proc/device-tree/model")
    return Cpu(model=model, cores=len(cores) or threads, threads=threads, level=level(flags))


def level(flags: str) -> str:
    """Return the x86-64 level of a processor with `flags` (of `/proc/cpuinfo`); empty where it is no such processor."""
    have = frozenset(flags.split())
    found = "x86_64_v1" if {"lm", "sse2"} <= have else ""
    for name, words in _LEVELS:
        if not found or not have.issuperset(words.split()):
            break
        found = name
    return found


def memory(tree: Tree) -> int:
    """Return the bytes of memory the kernel has to give: what is installed, less what firmware and kernel keep."""
    for line in tree.text("/proc/meminfo").split("\n"):
        if line.startswith("MemTotal:"):
            return 1024 * number((line.split()[1:] or [""])[0])
    return 0


def disks(tree: Tree) -> tuple[Disk, ...]:
    """Return the disks, without what is built upon disks (loop, device-mapper, RAID) and without empty drives."""
    found = []
    for name in tree.names("/sys/block"):
        size = _SECTOR * tree.number(f"/sys/block/{name}/size")
        if name.startswith(_NOT_DISKS) or not size or tree.number(f"/sys/block/{name}/hidden"):
            continue
        rotational = tree.number(f"/sys/block/{name}/queue/rotational") == 1
        found.append(Disk(name=name, size=size, rotational=rotational, model=tree.line(f"/sys/block/{name}/device/model")))
    return tuple(found)
