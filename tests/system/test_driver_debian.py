"""Debian's own driver and CUDA toolkit: DKMS builds for an installed Debian kernel, the gate looks at it, nvcc compiles.

About 8 minutes on two processors, nearly all of it NVIDIA's build (once) and the toolkit's 5 GB; 1.7 GB are fetched.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from provision.box.box import Box
from provision.box.snapshot import differences, take
from tests.system.driving import Driver, Said

pytestmark = pytest.mark.box

ROOT = ("dkms", "g++", "initramfs-tools", "linux-headers-amd64", "linux-image-amd64")
PROFILE = """
[nvidia]
origin = "debian"
flavour = "proprietary"
gpus = ["10de:1e84", "10de:2204"]
[cuda]
toolkits = ["11.8"]
"""
GATE = "driver_module:nvidia"
TREES = ("/boot", "/etc", "/lib/modules", "/usr/src", "/var/lib")
# The packages make the initramfs anew three times: half a minute each with every module of Debian's in it.
SMALL = "mkdir -p /etc/initramfs-tools/conf.d; echo MODULES=list > /etc/initramfs-tools/conf.d/small; update-initramfs -u"
BREAK_COMPILER = r"""
mv /usr/bin/gcc-12 /usr/bin/gcc-12.whole
printf '#!/bin/sh\necho this compiler is broken >&2\nexit 1\n' > /usr/bin/gcc-12
chmod 755 /usr/bin/gcc-12
"""
KERNEL = """
__global__ void axpy(float a, const float *x, float *y) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] += a * x[i];
}
"""
COMPILE = """
cat > /tmp/axpy.cu
nvcc -gencode=arch=compute_75,code=sm_75 -gencode=arch=compute_86,code=sm_86 -fatbin -o /tmp/axpy.fatbin /tmp/axpy.cu
cuobjdump --list-elf /tmp/axpy.fatbin
"""


def say(text: str) -> None:
    """Tell who waits for the root to be made."""
    sys.stderr.write(f"{text}\n")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A Debian with a kernel of its own (`release`), and what DKMS calls the driver there."""

    driver: Driver
    release: str

    @property
    def box(self) -> Box:
        return self.driver.box

    @property
    def module(self) -> str:
        return f"/lib/modules/{self.release}/updates/dkms/nvidia-current.ko"

    @property
    def registered(self) -> str:
        """`nvidia-current/535.309.01`."""
        return self.box.succeed("dkms status").partition(",")[0].strip()

    def run(self, verb: str, *words: str) -> Said:
        return self.driver.run(verb, *(words or ("nvidia", "cuda")), "--skip", "base", timeout=1500)

    def boots(self) -> str:
        """Return what the firmware would find: the kernels and their initramfs, by their content."""
        return self.box.succeed("sha256sum /boot/vmlinuz-* /boot/initrd.img-*")


@pytest.fixture(scope="module")
def machine(_boxes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with Box("debian-12", packages=ROOT, say=say) as box:
        box.succeed(SMALL)
        driver = Driver(box, tmp_path_factory.mktemp("driver"))
        driver.profile(PROFILE)
        release = box.succeed("ls /lib/modules").strip()
        assert release != box.succeed(["uname", "-r"]).strip(), "the box runs on another kernel than it has installed"
        yield Machine(driver=driver, release=release)


@dataclass(frozen=True, kw_only=True)
class Failed:
    """An apply whose driver did not build."""

    said: Said
    kernels: str
    """Before it."""


@pytest.fixture(scope="module")
def failed(machine: Machine) -> Failed:
    kernels = machine.box.succeed("sha256sum /boot/vmlinuz-*")
    machine.box.succeed(BREAK_COMPILER)
    said = machine.run("apply", "nvidia")
    machine.box.succeed("mv /usr/bin/gcc-12.whole /usr/bin/gcc-12")
    return Failed(said=said, kernels=kernels)


@dataclass(frozen=True, kw_only=True)
class Applied:
    """The apply that follows, once the compiler is whole again, and the plan before it."""

    plan: Said
    said: Said


@pytest.fixture(scope="module")
def applied(machine: Machine, failed: Failed) -> Applied:
    plan = machine.run("plan")
    return Applied(plan=plan, said=machine.run("apply"))


def the_failure(said: Said) -> dict[str, str]:
    (event,) = [event for event in said.events if event["event"] == "resource-failed"]
    return event


def test_a_driver_that_does_not_build_leaves_what_boots(machine: Machine, failed: Failed) -> None:
    assert (failed.said.code, failed.said.ended) == (1, "failed"), failed.said
    told = the_failure(failed.said)
    assert told["key"].startswith("packages:nvidia-kernel-dkms")
    assert f"Bad return status for module build on kernel: {machine.release}" in told["evidence"], told
    assert "make.log" in told["evidence"], told
    assert failed.kernels in machine.boots()
    assert "file:/etc/modprobe.d/provision-nouveau.conf" not in failed.said.changed, "nothing of ours takes the screen's driver"


def test_the_module_is_built_for_the_kernel_that_boots_next(machine: Machine, applied: Applied) -> None:
    assert applied.plan.code == 0, applied.plan
    assert applied.said.code == 0, applied.said
    assert set(applied.said.changed) <= set(applied.plan.pending)
    box = machine.box
    assert box.succeed(["modinfo", "-F", "version", machine.module]).startswith("535.")
    assert box.succeed(["modinfo", "-F", "vermagic", machine.module]).split()[0] == machine.release
    assert box.succeed(["modinfo", "-F", "license", machine.module]) == "NVIDIA\n"
    assert f"{machine.release}, x86_64: installed" in box.succeed("dkms status")
    assert box.succeed("dpkg --audit; apt-get -qq check") == "", "and what failed before is whole"
    initrd = box.succeed(["lsinitramfs", f"/boot/initrd.img-{machine.release}"])
    assert "etc/modprobe.d/provision-nouveau.conf" in initrd


def test_a_second_apply_changes_nothing(machine: Machine, applied: Applied) -> None:
    assert applied.said.code == 0
    again = machine.run("plan", "nvidia", "cuda", "--detailed-exitcode")
    assert (again.code, again.pending) == (0, {})
    before = take(machine.box, trees=TREES)
    second = machine.run("apply")
    assert (second.code, second.changed) == (0, [])
    assert differences(before, take(machine.box, trees=TREES)) == ()


def test_nvcc_compiles_for_two_architectures(machine: Machine, applied: Applied) -> None:
    verdicts = {event["name"]: event for event in applied.said.events if event["event"] == "verdict"}
    checked = verdicts["nvcc 11.8 compiles"]
    assert (checked["outcome"], "sm_75, sm_86" in checked["evidence"]) == ("passed", True), checked
    # And so it does for a person who logs in.
    machine.box.succeed("cat > /root/compile", stdin=COMPILE)
    listed = machine.box.succeed(["bash", "-l", "/root/compile"], stdin=KERNEL)
    assert ("sm_75.cubin" in listed, "sm_86.cubin" in listed) == (True, True), listed


def test_a_module_that_is_gone_is_put_back(machine: Machine, applied: Applied) -> None:
    assert applied.said.code == 0
    machine.box.succeed(["rm", machine.module])
    looked = machine.run("verify", "nvidia")
    assert (looked.code, looked.of("verdicts")[0]["drift"]) == (2, 1)
    mended = machine.run("apply", "nvidia")
    assert (mended.code, list(mended.pending), mended.changed) == (0, [GATE], [GATE]), mended
    assert machine.run("verify", "nvidia").code == 0


def test_a_source_that_does_not_build_ends_the_run_at_the_gate(machine: Machine, applied: Applied) -> None:
    assert applied.said.code == 0
    box, registered = machine.box, machine.registered
    name, _, version = registered.partition("/")
    source = f"/usr/src/{name}-{version}/Kbuild"
    # Kept, for a second build would take as long as the first.
    box.succeed(
        f"cp -a /var/lib/dkms/{name} /root/built; rm /root/built/kernel-*; dkms unbuild {registered} -k {machine.release}"
    )
    box.succeed(f"cp {source} /root/Kbuild; sed -i '1i this is no makefile' {source}")
    boots, before = machine.boots(), take(box, trees=("/boot", "/etc"))
    for _ in range(2):
        said = machine.run("apply", "nvidia")
        assert (said.code, said.ended) == (1, "failed"), said
        told = the_failure(said)
        assert told["key"] == GATE
        assert f"no reboot: {machine.release} boots next" in told["message"], told
        assert f"/var/lib/dkms/{registered}/build/make.log" in told["evidence"], told
        assert "Kbuild:1: *** missing separator" in told["evidence"], told
        assert f"`sudo dkms install {registered} -k {machine.release}`" in told["hint"], told
    assert machine.boots() == boots
    assert differences(before, take(box, trees=("/boot", "/etc"))) == ()

    box.succeed(f"cp /root/Kbuild {source}; rm -r /var/lib/dkms/{name}; cp -a /root/built /var/lib/dkms/{name}")
    mended = machine.run("apply", "nvidia")
    assert (mended.code, mended.changed) == (0, [GATE]), mended
    assert machine.run("verify", "nvidia").code == 0
