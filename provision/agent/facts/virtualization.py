"""What the machine runs in, in the words of systemd-detect-virt(1)."""

from __future__ import annotations

from provision.agent.facts.tree import Tree

CONTAINERS = frozenset(
    ("container-other", "docker", "lxc", "lxc-libvirt", "openvz", "podman", "pouch", "proot", "rkt", "systemd-nspawn", "wsl")
)
_DMI = ("product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version")
_VENDORS = (
    ("KVM", "kvm"),
    ("OpenStack", "kvm"),
    ("KubeVirt", "kvm"),
    ("Amazon EC2", "amazon"),
    ("QEMU", "qemu"),
    ("VMware", "vmware"),
    ("VMW", "vmware"),
    ("innotek GmbH", "oracle"),
    ("VirtualBox", "oracle"),
    ("Oracle Corporation", "oracle"),
    ("Xen", "xen"),
    ("Bochs", "bochs"),
    ("Parallels", "parallels"),
    ("BHYVE", "bhyve"),
    ("Hyper-V", "microsoft"),
    ("Apple Virtualization", "apple"),
    ("Google Compute Engine", "google"),
)
_CLOCKS = (("kvm-clock", "kvm"), ("hyperv_clocksource", "microsoft"), ("xen", "xen"))


def virtualization(tree: Tree) -> str:
    """Return the container manager, else the hypervisor, else `none`."""
    return _container(tree) or _machine(tree) or "none"


def _container(tree: Tree) -> str:
    named = tree.line("/run/systemd/container") or tree.line("/run/host/container-manager")
    if not named:
        # PID 1's environment is root's to read: a caller without privilege falls through to the other signs.
        pairs = tree.bytes("/proc/1/environ").split(b"\0")
        named = next((pair[10:].decode("ascii", "replace") for pair in pairs if pair.startswith(b"container=")), "")
    if named:
        return named if named in CONTAINERS else "container-other"
    if tree.exists("/.dockerenv"):
        return "docker"
    if tree.exists("/run/.containerenv"):
        return "podman"
    if tree.exists("/proc/vz") and not tree.exists("/proc/bc"):
        return "openvz"
    release = tree.line("/proc/sys/kernel/osrelease")
    return "wsl" if "Microsoft" in release or "WSL" in release else ""


def _machine(tree: Tree) -> str:
    firmware = _by_firmware(tree)
    clocks = tree.line("/sys/devices/system/clocksource/clocksource0/available_clocksource").split()
    clock = next((word for start, word in _CLOCKS if any(name.startswith(start) for name in clocks)), "")
    if firmware and not (firmware == "qemu" and clock == "kvm"):
        return firmware
    if clock or tree.line("/sys/hypervisor/type") == "xen":
        return clock or "xen"
    # The flag says that a hypervisor is there; which one, only the cpuid instruction would tell.
    return "vm-other" if _has_hypervisor_flag(tree) else ""


def _by_firmware(tree: Tree) -> str:
    for name in _DMI:
        value = tree.line(f"/sys/class/dmi/id/{name}")
        for start, word in _VENDORS:
            if value.startswith(start):
                return word
    return ""


def _has_hypervisor_flag(tree: Tree) -> bool:
    lines = tree.text("/proc/cpuinfo").split("\n")
    return any(line.startswith("flags") and " hypervisor " in f"{line} " for line in lines)
