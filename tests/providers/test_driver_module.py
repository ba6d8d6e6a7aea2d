"""The gate: what the kernel that boots next has, what is asked of it, what DKMS can still do, and what a person is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from provision.agent.host import Output
from provision.agent.provider import Pending
from provision.agent.providers.driver_module import provider
from provision.agent.steps import Run
from provision.errors import NotConvergedError, UnreadableError
from provision.plan.model import Diff, Status
from provision.resources import DriverModule, Packages
from tests.converge import converge, look, outcome, plan
from tests.fake_host import FakeHost
from tests.fake_kernel import NEW, OLD, SERIAL, Kernels

ANY = DriverModule()
OPEN = DriverModule(flavour="open", branch=580)
SIGNED = DriverModule(flavour="open", branch=580, signed=True, headers=True)
CANONICAL = "Canonical Ltd. Kernel Module Signing"
KEY = "DKMS module signing key"


class Machine:
    """A machine with two kernels."""

    def __init__(self) -> None:
        self.host = FakeHost()
        self.kernels = Kernels(self.host)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def nothing(_: Machine) -> None:
    pass


def prebuilt(it: Machine) -> None:
    it.kernels.module(folder="kernel/nvidia-580-open", signer=CANONICAL, key="aa11")
    it.kernels.headers()


def dkms(it: Machine) -> None:
    it.kernels.module(signer=KEY, key=SERIAL)
    it.kernels.headers()
    it.kernels.source()


def enrolled(it: Machine) -> None:
    dkms(it)
    it.kernels.enrol()


def asked_for(it: Machine) -> None:
    dkms(it)
    it.kernels.enrol("MokNew-605dab50-e046-4300-abb6-3dd810dd8b23")


def unknown_key(it: Machine) -> None:
    dkms(it)
    it.host.put_file("/sys/firmware/efi/efivars/MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23", b"another certificate")


def prebuilt_on_uefi(it: Machine) -> None:
    prebuilt(it)
    it.kernels.enrol()


def unsigned(it: Machine) -> None:
    it.kernels.module()
    it.kernels.headers()
    it.kernels.source()


def old_kernel_only(it: Machine) -> None:
    it.kernels.module(OLD)


def proprietary(it: Machine) -> None:
    it.kernels.module(licence="NVIDIA")


def another_branch(it: Machine) -> None:
    it.kernels.module(version="570.211.01")


def debian(it: Machine) -> None:
    it.kernels.module(name="nvidia-current-open")
    it.kernels.module(name="nvidia-current", licence="NVIDIA", version="535.261.03")
    it.host.put_file("/etc/alternatives/x", b"install nvidia modprobe -i nvidia-current-open $CMDLINE_OPTS\n")
    it.host.put_link("/etc/modprobe.d/nvidia.conf", "/etc/alternatives/x")


def another_kernels(it: Machine) -> None:
    it.kernels.module(built_for=OLD)


SAYS = f"for {NEW}, which boots next"
PRIORS: dict[str, Callable[[Machine], None]] = {
    make.__name__: make
    for make in (
        nothing, prebuilt, dkms, enrolled, asked_for, unknown_key, prebuilt_on_uefi,
        unsigned, old_kernel_only, proprietary, another_branch,
        debian, another_kernels,
    )
}  # fmt: skip
OK = {
    "any": {
        "prebuilt": f"580.95.05 open, signed by {CANONICAL}, {SAYS}",
        "dkms": f"580.95.05 open, signed by {KEY}, {SAYS}",
        "unsigned": f"580.95.05 open, {SAYS}",
        "proprietary": f"580.95.05 proprietary, {SAYS}",
        "another_branch": f"570.211.01 open, {SAYS}",
    },
    "open": {
        "prebuilt": f"580.95.05 open, signed by {CANONICAL}, {SAYS}",
        "debian": f"580.95.05 open, {SAYS}",
    },
    "signed": {
        "prebuilt": f"580.95.05 open, signed by {CANONICAL}, {SAYS}",
        "dkms": f"580.95.05 open, signed by {KEY}, {SAYS}",  # no UEFI, so nobody will ask for the key
        "enrolled": f"580.95.05 open, signed by {KEY}, {SAYS}",
        "prebuilt_on_uefi": f"580.95.05 open, signed by {CANONICAL}, {SAYS}",
        "asked_for": f"580.95.05 open, signed by {KEY} (choose `Enroll MOK` at the console when it boots), {SAYS}",
    },
}
LACKS = {
    "any": {"nothing": "module", "old_kernel_only": "module", "another_kernels": "kernel"},
    "open": {"nothing": "module", "proprietary": "flavour", "another_branch": "version", "another_kernels": "kernel"},
    "signed": {
        "nothing": "module headers",
        "unknown_key": "signature",
        "unsigned": "signature",
        "proprietary": "flavour signature headers",
        "another_branch": "version signature headers",
        "another_kernels": "kernel signature headers",
    },
}
WANTED = {"any": ANY, "open": OPEN, "signed": SIGNED}


def refused(want: DriverModule, host: FakeHost) -> tuple[Diff, NotConvergedError]:
    """Return what the plan says, and what the run ends with."""
    have, diff = look(want, host)
    for step in provider.steps(want, have):
        host.perform(step)
    have, second = look(want, host)
    assert not second.ok
    return diff, provider.stuck(want, have)


@pytest.mark.parametrize(("wanted", "prior"), [(wanted, prior) for wanted in OK for prior in OK[wanted]])
def test_what_passes(wanted: str, prior: str, machine: Machine) -> None:
    PRIORS[prior](machine)
    assert outcome(WANTED[wanted], machine.host) == f"= {OK[wanted][prior]}"


@pytest.mark.parametrize(("wanted", "prior"), [(wanted, prior) for wanted in LACKS for prior in LACKS[wanted]])
def test_what_does_not_pass(wanted: str, prior: str, machine: Machine) -> None:
    PRIORS[prior](machine)
    diff, error = refused(WANTED[wanted], machine.host)
    assert " ".join(change.field for change in diff.changes) == LACKS[wanted][prior]
    assert diff.why == f"{NEW} boots next; without it the run ends before the reboot"
    assert error.message.startswith(f"no reboot: {NEW} boots next, and its driver is not ready there: ")
    assert all(f"{change.field} {change.before}, wanted {change.after}" in error.message for change in diff.changes)
    assert error.hint.startswith("`")
    assert machine.host.steps == []


def test_no_kernel_boots_next_in_a_container() -> None:
    assert outcome(SIGNED, FakeHost()) == "= no kernel is installed here: nothing boots next"


def test_the_kernel_that_grub_was_told_to_boot_counts(machine: Machine) -> None:
    old_kernel_only(machine)
    menu = "".join(f"menuentry '{name}' {{\n\tlinux /boot/vmlinuz-{name} root=UUID=1\n}}\n" for name in (NEW, OLD))
    machine.host.put_file("/boot/grub/grub.cfg", f'set default="1"\n{menu}'.encode())
    assert plan(ANY, machine.host).why == f"580.95.05 open, for {OLD}, which boots next"


def test_a_menu_behind_a_link_is_read(machine: Machine) -> None:
    test_the_kernel_that_grub_was_told_to_boot_counts(machine)
    machine.host.put_file("/boot/efi/grub.cfg", machine.host.text("/boot/grub/grub.cfg").encode())
    machine.host.put_link("/boot/grub/grub.cfg", "../efi/grub.cfg")
    assert f"for {OLD}" in plan(ANY, machine.host).why


def test_dkms_builds_what_it_can(machine: Machine) -> None:
    machine.kernels.headers()
    machine.kernels.source()
    machine.kernels.build = "580.95.05"
    diff, steps = converge(OPEN, machine.host)
    assert diff.why == f"{NEW} boots next; DKMS builds it"
    (step,) = steps
    assert isinstance(step, Run)
    assert (step.argv, step.timeout) == (("dkms", "install", "--force", "nvidia/580.95.05", "-k", NEW), 1800)
    assert step.says == f"building the driver's module for {NEW}"


@pytest.mark.parametrize("prepare", [nothing, prebuilt])
def test_with_packages_to_come_it_is_looked_at_later(prepare: Callable[[Machine], None], machine: Machine) -> None:
    prepare(machine)
    pending = Pending()
    pending.add(Packages(names=("nvidia-driver-580-open",)))
    diff = plan(SIGNED, machine.host, pending)
    assert (diff.status, diff.changes) == (Status.KNOWN_AFTER_APPLY, ())
    assert diff.why == "looked at once the packages are there, before any reboot"


def test_debians_module_counts_only_where_modprobe_would_take_it(machine: Machine) -> None:
    debian(machine)
    machine.host.put_file("/etc/alternatives/x", b"install nvidia modprobe -i nvidia-current $CMDLINE_OPTS\n")
    assert plan(ANY, machine.host).why == f"535.261.03 proprietary, {SAYS}"
    machine.host.put_file("/etc/alternatives/x", b"install nvidia modprobe -i nvidia-tesla-470 $CMDLINE_OPTS\n")
    assert [change.field for change in plan(ANY, machine.host).changes] == ["module"]


def test_a_file_that_modules_dep_still_names_but_is_gone(machine: Machine) -> None:
    machine.host.tree.drop(machine.kernels.module())
    assert [change.field for change in plan(ANY, machine.host).changes] == ["module"]


@pytest.mark.parametrize(("code", "hint"), [(127, "`sudo apt-get install kmod`"), (1, "`modinfo /lib/modules/")])
def test_a_module_that_cannot_be_read_is_not_absent(code: int, hint: str, machine: Machine) -> None:
    prebuilt(machine)
    machine.host.answer(("modinfo",), Output(code=code, stdout="", stderr="broken"))
    with pytest.raises(UnreadableError) as caught:
        plan(ANY, machine.host)
    assert caught.value.hint.startswith(hint)


def test_a_menu_that_cannot_be_read_is_not_absent(machine: Machine) -> None:
    prebuilt(machine)
    machine.host.put_file("/boot/grub/grub.cfg")
    machine.host.unreadable.add("/boot/grub/grub.cfg")
    with pytest.raises(UnreadableError):
        plan(ANY, machine.host)
