"""The processor, memory and disks."""

from __future__ import annotations

from provision.agent.facts.tree import Tree, number
from provision.facts.model import Cpu, Disk

_SECTOR = 512
"""Bytes: `/sys/block/*/size` counts these whatever the disk's own sector is."""
_NOT_DISKS = ("loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd", "mtd", "rbd")


def cpu(tree: Tree) -> Cpu:
    """Return the processor; where cores are not told apart (ARM), each thread is one."""
    model = ""
    package = ""
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
    return Cpu(model=model or tree.line("/proc/device-tree/model"), cores=len(cores) or threads, threads=threads)


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
