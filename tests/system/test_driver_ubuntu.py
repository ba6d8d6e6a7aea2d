"""NVIDIA's driver on Ubuntu 24.04 by the real apt, dkms and modinfo: a box that says it is one, and archives of small packages.

About 3 minutes on two processors.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.box.snapshot import differences, take
from tests.system.conftest import FreshBox
from tests.system.driving import Driver, Said
from tests.system.kernel_module import unsigned
from tests.system.ubuntu_archive import NVIDIA, SIGNER, UBUNTU, UPDATE, Archives
from tests.system.ubuntu_kernels import CURRENT, NEXT
from tests.system.ubuntu_machine import (
    KEYRING,
    PORT,
    ROOT,
    SECURE_BOOT,
    become_ubuntu,
    held,
    installed,
    modinfo,
    simulated,
    suites,
    unattended,
)

pytestmark = pytest.mark.box

TURING, GATE = "10de:1e84", "driver_module:nvidia"
TREES = ("/boot", "/etc", "/lib/modules", "/usr/local", "/usr/src", "/var/lib")


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Archives:
    return Archives(tmp_path_factory.mktemp("archives") / "archive", tmp_path_factory.mktemp("keys"))


@pytest.fixture
def ubuntu(fresh_box: FreshBox, archives: Archives, tmp_path: Path) -> Driver:
    """A machine that says it is Ubuntu 24.04, with a kernel, a boot menu, and a card in the post."""
    box = fresh_box(packages=ROOT)
    become_ubuntu(box, archives)
    driver = Driver(box, tmp_path)
    wishes(driver)
    return driver


def wishes(driver: Driver, **nvidia: str) -> None:
    """Write the profile: a Turing card that is in the post, and `nvidia`'s wishes."""
    lines = "".join(f'{key} = "{value}"\n' for key, value in nvidia.items())
    driver.profile(f'[nvidia]\ngpus = ["{TURING}"]\n{lines}[cuda]\ntoolkits = []\n')


def run(driver: Driver, verb: str, *words: str, as_json: bool = True) -> Said:
    return driver.run(verb, "nvidia", "--skip", "base", *words, timeout=300, as_json=as_json)


def converged(driver: Driver) -> Said:
    """Apply; then the plan is empty, and a second apply changes nothing."""
    first = run(driver, "apply")
    assert first.code == 0, first
    again = run(driver, "plan", "--detailed-exitcode")
    assert (again.code, again.pending) == (0, {}), again
    before = take(driver.box, trees=TREES)
    second = run(driver, "apply")
    assert (second.code, second.changed) == (0, []), second
    assert differences(before, take(driver.box, trees=TREES)) == ()
    return first


def test_signed_modules_by_default(ubuntu: Driver) -> None:
    box = ubuntu.box
    plan = run(ubuntu, "plan")
    assert plan.pending[GATE]["status"] == "known-after-apply"
    first = converged(ubuntu)
    assert GATE not in first.changed, "the module came with the packages"
    assert (modinfo(box, CURRENT, "version"), modinfo(box, CURRENT, "license")) == (UBUNTU[595], "Dual MIT/GPL")
    assert modinfo(box, CURRENT, "signer") == SIGNER
    assert f"linux-modules-nvidia-595-open-{CURRENT}" in installed(box)
    assert not any(name.startswith("nvidia-dkms") for name in installed(box)), "nothing to build where modules come built"
    assert {"blacklist nouveau"} <= set(box.succeed(["modprobe", "--showconfig"]).splitlines())
    initrd = box.succeed(["lsinitramfs", f"/boot/initrd.img-{CURRENT}"])
    assert "etc/modprobe.d/provision-nouveau.conf" in initrd

    assert {"nvidia-headless-no-dkms-595-open", "nvidia-utils-595"} <= held(box)


def test_no_upgrade_takes_the_driver_away(ubuntu: Driver) -> None:
    """Half of a new release is in the archive: neither a person's upgrade, nor the machine's own, nor we take it."""
    box = ubuntu.box
    converged(ubuntu)
    suites(box, "noble", "noble-updates")
    box.succeed("cat > /etc/apt/apt.conf.d/51ours", stdin='Unattended-Upgrade::Origins-Pattern { "origin=Ubuntu"; };\n')
    assert simulated(box, "upgrade") == simulated(box, "dist-upgrade") == unattended(box) == []
    assert run(ubuntu, "plan", "--detailed-exitcode").pending == {}

    box.succeed(["apt-mark", "unhold", *held(box)])
    assert any(UPDATE in line for line in simulated(box, "upgrade")), "it was the hold that kept it away"
    assert unattended(box) == [], "the blacklist alone does, for the machine's own upgrades"
    assert run(ubuntu, "verify").code == 2, "a lifted hold is drift"
    box.succeed("rm /etc/apt/apt.conf.d/52provision-nvidia")
    assert "libnvidia-compute-595" in unattended(box), "and it was the blacklist"
    assert run(ubuntu, "apply").code == 0
    assert simulated(box, "upgrade") == unattended(box) == []


def test_570_has_become_580(ubuntu: Driver) -> None:
    box = ubuntu.box
    wishes(ubuntu, branch="570")
    converged(ubuntu)
    assert modinfo(box, CURRENT, "version") == UBUNTU[580]
    assert not any("570" in name for name in installed(box))


def test_570_that_a_person_installed_is_no_drift(ubuntu: Driver) -> None:
    box = ubuntu.box
    names = ["nvidia-headless-no-dkms-570-open", "linux-modules-nvidia-570-open-generic", "nvidia-utils-570"]
    box.succeed(["apt-get", "-qq", "install", *names])
    before = installed(box)
    assert before["nvidia-utils-580"] == UBUNTU[580], "apt went on to what 570 has become"
    wishes(ubuntu, branch="570")
    converged(ubuntu)
    assert installed(box) == before


def test_nvidias_repository_at_600_does_not_take_the_driver(ubuntu: Driver, archives: Archives) -> None:
    box = ubuntu.box
    box.succeed(KEYRING, stdin=archives.nvidia_key.public)
    wanted = ["nvidia-utils-580", "nvidia-headless-no-dkms-580-open"]
    assert any(NVIDIA[580] in line for line in simulated(box, "install", *wanted)), "the trap is there"
    wishes(ubuntu, branch="580")
    converged(ubuntu)
    assert {version for name, version in installed(box).items() if not name.startswith("linux-")} == {UBUNTU[580]}
    box.succeed(["apt-mark", "unhold", *held(box)])
    assert simulated(box, "dist-upgrade") == [], "even where nothing is held"
    candidate = box.succeed(["apt-cache", "policy", "libnvidia-compute-580"])
    assert f"Candidate: {UBUNTU[580]}" in candidate, candidate


def test_another_branch(ubuntu: Driver) -> None:
    box = ubuntu.box
    wishes(ubuntu, branch="580")
    converged(ubuntu)
    assert "nvidia-utils-580" in held(box)
    wishes(ubuntu, branch="595")
    converged(ubuntu)
    assert modinfo(box, CURRENT, "version") == UBUNTU[595]
    assert "nvidia-utils-595" in held(box)
    assert not any("580" in name for name in installed(box)), installed(box)
    assert not any("580" in name for name in held(box))
    assert box.succeed("dpkg --audit; apt-get -qq check") == ""


def test_another_origin_and_back(ubuntu: Driver, archives: Archives) -> None:
    box = ubuntu.box
    converged(ubuntu)
    mirror = {"mirror": f"http://127.0.0.1:{PORT}/nvidia", "mirror_key": archives.nvidia_key.fingerprint}
    wishes(ubuntu, branch="595", origin="nvidia", **mirror)
    converged(ubuntu)
    assert (modinfo(box, CURRENT, "version"), modinfo(box, CURRENT, "filename")) == (
        NVIDIA[595],
        f"/lib/modules/{CURRENT}/updates/dkms/nvidia.ko",
    )
    assert set(installed(box).values()) - {NVIDIA[595]} <= {"595-1"}, (
        "nothing of Ubuntu's is left but the branch's pin is NVIDIA's"
    )
    assert "nvidia-dkms-open" in held(box)
    assert simulated(box, "dist-upgrade") == []

    wishes(ubuntu, origin="ubuntu")
    converged(ubuntu)
    assert (modinfo(box, CURRENT, "version"), modinfo(box, CURRENT, "signer")) == (UBUNTU[595], SIGNER)
    assert NVIDIA[595] not in installed(box).values()
    box.fail(["test", "-e", f"/lib/modules/{CURRENT}/updates/dkms/nvidia.ko"])


def refused(driver: Driver, *words: str) -> None:
    """Apply, and see it end at the gate: failed, what is wrong named, nothing else touched, and drift for `verify`."""
    trees = ("/boot", "/etc", "/lib/modules")
    before = take(driver.box, trees=trees)
    said = run(driver, "apply")
    assert (said.code, said.ended) == (1, "failed"), said
    (told,) = [event for event in said.events if event["event"] == "resource-failed"]
    assert told["key"] == GATE
    assert told["hint"].count("`") >= 2, "what to type next"
    for word in words:
        assert word in told["message"], told
    assert differences(before, take(driver.box, trees=trees)) == ()
    assert GATE in run(driver, "plan").pending
    assert run(driver, "verify").code == 2


def test_the_gate_wants_a_signature_where_secure_boot_is_on(ubuntu: Driver) -> None:
    box = ubuntu.box
    box.succeed(SECURE_BOOT)
    converged(ubuntu)
    path = f"/lib/modules/{CURRENT}/kernel/nvidia-595-open/nvidia.ko"
    module = box.root / path.lstrip("/")
    signed = module.read_bytes()
    module.write_bytes(unsigned(signed))
    assert modinfo(box, CURRENT, "signer") == ""
    refused(ubuntu, "no reboot", CURRENT, "signature")
    module.write_bytes(signed)
    assert run(ubuntu, "verify").code == 0


def test_nobody_can_enrol_a_key_from_afar(ubuntu: Driver, archives: Archives) -> None:
    box = ubuntu.box
    box.succeed(SECURE_BOOT)
    wishes(
        ubuntu,
        branch="595",
        origin="nvidia",
        mirror=f"http://127.0.0.1:{PORT}/nvidia",
        mirror_key=archives.nvidia_key.fingerprint,
    )
    before = take(box, trees=TREES)
    said = run(ubuntu, "apply")
    assert said.code == 1, said
    assert "MOK" in said.error["message"], said.error
    assert differences(before, take(box, trees=TREES)) == ()


def test_the_gate_looks_at_the_kernel_that_grub_boots_next(ubuntu: Driver) -> None:
    box = ubuntu.box
    converged(ubuntu)
    # A new kernel comes, and its modules are not in the archive yet, or nobody asked for them.
    box.succeed(["apt-get", "-qq", "install", f"linux-image-{NEXT}", f"linux-headers-{NEXT}"])
    refused(ubuntu, "no reboot", NEXT)

    choose = "echo 'GRUB_DEFAULT=\"{entry}\"' > /etc/default/grub; update-grub"
    entry = f"gnulinux-advanced-0e1f>gnulinux-{CURRENT}-advanced-0e1f"
    box.succeed(choose.format(entry=entry))
    assert run(ubuntu, "verify").code == 0, "the old kernel boots next, and has its module"
    box.succeed(choose.format(entry="0"))
    refused(ubuntu, NEXT)

    box.succeed(["apt-get", "-qq", "install", f"linux-modules-nvidia-595-open-{NEXT}"])
    assert run(ubuntu, "verify").code == 0
    assert modinfo(box, NEXT, "version") == UBUNTU[595]
