"""Who holds the GPU, what holds it back, and what the kernel says of it: from recorded files and answers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent.facts import gpu_users, kernel_log, throttle
from provision.agent.facts.tree import Tree
from tests.unit.facts.recorded import Content, Link, process, record

# Who uses it


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
    found = kernel_log.lines(record(tmp_path, {"/var/log/kern.log": f"{flood}x kernel: [1] NVRM: line 25 {'y' * 900}\n"}))
    assert [line.split()[2] for line in found] == [*(str(n) for n in range(40, 0, -1) if n != 25), "25"]
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
