"""Machines with something wrong with the kernel module, with the driver as it runs, or in the log.

What breaks the sound machine, the findings expected in their order, and what the first one says to type.
"""

from __future__ import annotations

from dataclasses import replace

from provision.doctor import Severity
from tests.unit.doctor.patients import (
    OLDER,
    PACKAGES,
    RUNNING,
    SOUND,
    TURING,
    UPCOMING,
    VERSION,
    Ailment,
    both,
    bound,
    cards,
    dkms,
    driver,
    machine,
    module,
    package,
    upcoming,
    xid,
)

BROKEN, RISK, NOTE = Severity.BROKEN, Severity.RISK, Severity.NOTE
RELOAD = "sudo modprobe -r nvidia_uvm nvidia_drm nvidia_modeset nvidia && sudo modprobe nvidia"
REBUILD = "sudo update-initramfs -u -k all && sudo reboot"

AILING: dict[str, Ailment] = {
    # The module
    "no module": (
        both(bound(""), driver(modules=(), loaded="")),
        [("module", BROKEN)],
        f"sudo apt-get install linux-modules-nvidia-595-open-{RUNNING}",
    ),
    "no module, nothing brings one": (
        both(bound(""), driver(modules=(), loaded="", packages=PACKAGES[:1])),
        [("module", BROKEN)],
        "provision apply nvidia",
    ),
    "installed for the kernel that boots next": (
        both(upcoming(), bound(""), driver(modules=(module(UPCOMING),), loaded="")),
        [("module", BROKEN)],
        "sudo reboot",
    ),
    "the next kernel has a module": (upcoming(module(UPCOMING)), [], ""),
    "the next kernel has none": (
        upcoming(),
        [("next", BROKEN)],
        f"sudo apt-get install linux-modules-nvidia-595-open-{UPCOMING}",
    ),
    "the next kernel has none, for want of headers": (
        upcoming(headers=False, dkms=dkms()),
        [("next", BROKEN)],
        f"sudo apt-get install linux-headers-{UPCOMING} && sudo dkms autoinstall -k {UPCOMING}",
    ),
    "DKMS did not build for the next kernel yet": (
        upcoming(dkms=dkms()),
        [("next", BROKEN)],
        f"sudo dkms autoinstall -k {UPCOMING}",
    ),
    "what DKMS installed for the next kernel was deleted": (
        upcoming(dkms=dkms("installed", UPCOMING)),
        [("next", BROKEN)],
        f"sudo dkms install --force nvidia/{VERSION} -k {UPCOMING}",
    ),
    "DKMS failed": (
        upcoming(dkms=(*dkms(), *dkms("failed", UPCOMING)), packages=(package("nvidia-dkms-595-open", sound=False),)),
        [("dkms", BROKEN)],
        f"sudo tail -n 40 /var/lib/dkms/nvidia/{VERSION}/build/make.log",
    ),
    "an old driver's DKMS failed": (
        both(
            upcoming(dkms=dkms("failed", UPCOMING), packages=(package("nvidia-dkms-570-open", "570.211.01-1"),)),
            driver(modules=(module(version="570.211.01"),), loaded="570.211.01", library="570.211.01"),
        ),
        [("dkms", BROKEN), ("support", RISK)],
        "provision apply nvidia",
    ),
    "headers lack for the next rebuild": (
        upcoming(module(UPCOMING), headers=False, dkms=dkms()),
        [("headers", RISK)],
        f"sudo apt-get install linux-headers-{UPCOMING}",
    ),
    "headers do not come along": (
        both(machine(kernel=replace(SOUND.kernel, packages=("linux-image-generic",))), driver(dkms=dkms())),
        [("headers", RISK)],
        "sudo apt-get install linux-headers-generic",
    ),
    "no headers, and no DKMS that wants them": (
        upcoming(module(UPCOMING), headers=False),
        [],
        "",
    ),
    "unsigned": (
        both(bound(""), driver(modules=(module(signer=""),), loaded="")),
        [("signature", BROKEN)],
        "provision apply nvidia",
    ),
    "unsigned and loaded all the same": (driver(modules=(module(signer=""),)), [("signature", RISK)], "provision apply nvidia"),
    "unsigned without Secure Boot": (both(machine(secure_boot=False), driver(modules=(module(signer=""),))), [], ""),
    "nobody knows of Secure Boot": (both(machine(secure_boot=None), driver(modules=(module(signer=""),))), [], ""),
    "signed by a key that is not enrolled": (
        both(
            bound(""),
            driver(modules=(module(signer="prometheus Secure Boot Module Signature key"),), mok_enrolled=False, loaded=""),
        ),
        [("signature", BROKEN)],
        "sudo update-secureboot-policy --enroll-key && sudo reboot",
    ),
    "the same on Debian": (
        both(
            machine(system=replace(SOUND.system, id="debian", version="13")),
            bound(""),
            driver(modules=(module(signer="DKMS module signing key"),), mok_enrolled=False, loaded=""),
        ),
        [("signature", BROKEN)],
        "sudo mokutil --import /var/lib/dkms/mok.pub && sudo reboot",
    ),
    "signed by a key that is enrolled": (driver(modules=(module(signer="my own key"),), mok_enrolled=True), [], ""),
    "an orphan kernel": (
        driver(kernels=(*SOUND.driver.kernels, replace(SOUND.driver.kernels[0], release="6.5.0-14-generic", owned=False))),
        [("kernels", RISK)],
        "sudo rm /boot/*-6.5.0-14-generic && sudo update-grub",
    ),
    "an orphan kernel that boots next": (
        upcoming(owned=False),
        [("kernels", BROKEN)],
        f"sudo rm /boot/*-{UPCOMING} && sudo update-grub",
    ),
    "an orphan kernel that runs": (
        driver(kernels=(replace(SOUND.driver.kernels[0], owned=False),)),
        [("kernels", RISK)],
        "sudo apt-get install linux-image-generic && sudo reboot",
    ),
    # As it runs
    "nouveau, not blocked": (
        both(bound("nouveau"), driver(nouveau="nouveau", nouveau_blocked=False, loaded="", persistence=False)),
        [("nouveau", BROKEN)],
        "provision apply nvidia",
    ),
    "nouveau, blocked since": (
        both(bound("nouveau"), driver(nouveau="nouveau", loaded="")),
        [("nouveau", BROKEN)],
        "sudo update-initramfs -u -k all && sudo reboot",
    ),
    "nova": (
        both(bound("nova_core"), driver(nouveau="nova_core", nouveau_blocked=False, loaded="")),
        [("nouveau", BROKEN)],
        "provision apply nvidia",
    ),
    "nova, as the bus calls it": (
        both(bound("NovaCore"), driver(nouveau_blocked=False, loaded="")),
        [("nouveau", BROKEN)],
        "provision apply nvidia",
    ),
    "nouveau is loaded beside": (
        driver(nouveau="nouveau"),
        [("nouveau", RISK)],
        "sudo update-initramfs -u -k all && sudo reboot",
    ),
    "given to a virtual machine": (both(bound("vfio-pci"), driver(loaded="")), [], ""),
    "not loaded": (both(bound(""), driver(loaded="")), [("loaded", BROKEN)], "sudo modprobe nvidia"),
    "one card is not driven": (
        cards(TURING, replace(TURING, slot="0000:0a:00.0", driver="")),
        [("loaded", BROKEN)],
        "sudo dmesg --ctime | grep -i -e nvrm -e nvidia",
    ),
    "mismatch, free to reload": (
        driver(loaded=OLDER, persistence=False),
        [("versions", BROKEN), ("persistence", RISK)],
        RELOAD,
    ),
    "mismatch, the daemon holds it": (
        driver(loaded=OLDER),
        [("versions", BROKEN)],
        f"sudo systemctl stop nvidia-persistenced; {RELOAD}",
    ),
    "mismatch under a desktop": (both(machine(desktop=True), driver(loaded=OLDER)), [("versions", BROKEN)], "sudo reboot"),
    "mismatch under a program": (
        driver(loaded=OLDER, users=("python3 (pid 4242, me)",)),
        [("versions", BROKEN)],
        "sudo reboot",
    ),
    "mismatch that the next kernel ends": (
        both(upcoming(), driver(modules=(module(version=OLDER), module(UPCOMING)), loaded=OLDER)),
        [("versions", BROKEN)],
        "sudo reboot",
    ),
    "libraries without their module": (driver(library="595.91.07"), [("versions", BROKEN)], "provision apply nvidia"),
    "no library": (driver(library=""), [("versions", BROKEN)], "provision apply nvidia"),
    "the module on disk parted": (driver(modules=(module(version=OLDER),)), [("versions", RISK)], "provision apply nvidia"),
    "the next kernel's module parted": (
        upcoming(module(UPCOMING, version=OLDER)),
        [("versions", RISK)],
        "provision apply nvidia",
    ),
    "too hot": (
        driver(throttle=("HW Thermal Slowdown", "HW Slowdown", "Idle")),
        [("speed", RISK)],
        "nvidia-smi -q -d TEMPERATURE,PERFORMANCE",
    ),
    "at its power limit": (driver(throttle=("sw_power_cap",)), [("speed", NOTE)], "nvidia-smi -q -d POWER"),
    "idle": (driver(throttle=("GPU Idle", "Applications Clocks Setting")), [], ""),
    "slow for reasons nobody knows": (driver(throttle=("Moon Phase",)), [("speed", NOTE)], "nvidia-smi -q -d PERFORMANCE"),
    "persistence off": (
        driver(persistence=False),
        [("persistence", RISK)],
        "sudo systemctl enable --now nvidia-persistenced",
    ),
    "persistence not installed": (driver(persistence=None), [("persistence", NOTE)], "provision apply nvidia"),
    "a desktop needs no persistence": (both(machine(desktop=True), driver(persistence=None)), [], ""),
    # The log
    "Xid 79": (driver(log=(xid(79, ", GPU has fallen off the bus."),)), [("xid", BROKEN)], "sudo poweroff"),
    "fallen off without a number": (
        driver(log=("NVRM: GPU 0000:09:00.0: GPU has fallen off the bus.",)),
        [("xid", BROKEN)],
        "sudo poweroff",
    ),
    "Xid 31": (driver(log=(xid(31),)), [("xid", NOTE)], "compute-sanitizer python train.py"),
    "Xid 45 after 31": (driver(log=(xid(31), xid(45), xid(154))), [("xid", NOTE)], "compute-sanitizer python train.py"),
    "Xid 45 alone": (driver(log=(xid(45),)), [("xid", NOTE)], "sudo dmesg --ctime | grep -i xid"),
    "an Xid nobody knows": (driver(log=(xid(9999),)), [("xid", NOTE)], "sudo dmesg --ctime | grep -i -e nvrm -e xid"),
    "the worst Xid first": (driver(log=(xid(31), xid(119))), [("xid", BROKEN), ("xid", NOTE)], "sudo reboot"),
    "unified memory": (
        driver(log=("nvidia-uvm: devmem_alloc_pagemap:339 request_free_mem_region() err -34",)),
        [("log", BROKEN)],
        f"echo 'options nvidia_uvm uvm_disable_hmm=1' | sudo tee /etc/modprobe.d/nvidia-uvm-hmm.conf && {REBUILD}",
    ),
}
