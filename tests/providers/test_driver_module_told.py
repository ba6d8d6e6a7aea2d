"""What a person is told at the gate: what is missing, what the build said last, and what to type next."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fake_kernel import NEW, OLD
from tests.providers.test_driver_module import OPEN, SIGNED, Machine, proprietary, refused, unknown_key, unsigned


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_a_build_that_fails_is_shown_with_its_log(machine: Machine) -> None:
    machine.kernels.headers()
    machine.kernels.source()
    _, error = refused(OPEN, machine.host)
    assert error.message.endswith(f"its driver is not ready there: module absent, wanted for {NEW}")
    log = error.evidence.split("\n")
    assert log[0] == "/var/lib/dkms/nvidia/580.95.05/build/make.log:"
    assert log[1].startswith("nvidia/nv.c:1:9: error: unknown type name 'no' xxx")
    assert len(log[1]) < 300, "a compiler's command line has thousands of characters"
    assert log[2] == "line 21", "what was still running wrote on after the error"
    assert log[-1] == "make: *** [Makefile:59: modules] Error 2"
    assert error.hint == (
        "`less /var/lib/dkms/nvidia/580.95.05/build/make.log` is the whole log; "
        f"`sudo dkms install nvidia/580.95.05 -k {NEW}` tries again"
    )


def test_a_build_of_the_wrong_thing_is_no_success(machine: Machine) -> None:
    machine.kernels.headers()
    machine.kernels.source()
    machine.kernels.build = "570.1"
    _, error = refused(OPEN, machine.host)
    assert "version 570.1, wanted 580" in error.message


@pytest.mark.parametrize(
    ("prepare", "hint"),
    [
        (lambda it: it.kernels.source(), f"`sudo apt-get install linux-headers-{NEW}`, then apply again"),
        (lambda it: (it.kernels.source(version="570.1"), it.kernels.headers()), "`sudo dkms install --force nvidia/570.1"),
        (lambda _: None, f"`find /lib/modules/{NEW} -name 'nvidia*.ko*'` finds none"),
        (proprietary, f"`modinfo /lib/modules/{NEW}/updates/dkms/nvidia.ko.zst` shows what is there"),
    ],
)
def test_what_dkms_cannot_mend_is_not_tried(prepare: Callable[[Machine], None], hint: str, machine: Machine) -> None:
    prepare(machine)
    _, error = refused(OPEN, machine.host)
    assert error.hint.startswith(hint)
    assert error.evidence == ""
    assert machine.host.steps == []


@pytest.mark.parametrize(
    ("prepare", "certificate", "hint"),
    [
        (unknown_key, "/var/lib/dkms/mok.pub", "`sudo mokutil --import /var/lib/dkms/mok.pub` asks"),
        (unknown_key, "/var/lib/shim-signed/mok/MOK.der", "`sudo mokutil --import /var/lib/shim-signed/mok/MOK.der` asks"),
        (unknown_key, "/root/own.der", "`sudo mokutil --import /root/own.der` asks"),
        (unsigned, "/var/lib/dkms/mok.pub", f"`sudo dkms install --force nvidia/580.95.05 -k {NEW}` builds and signs it"),
    ],
)
def test_what_a_person_does_about_a_signature(
    prepare: Callable[[Machine], None], certificate: str, hint: str, machine: Machine
) -> None:
    prepare(machine)
    machine.host.put_file(certificate)
    if certificate.startswith("/root/"):
        machine.host.put_file("/etc/dkms/framework.conf", f'mok_certificate="{certificate}"\n'.encode())
    assert refused(SIGNED, machine.host)[1].hint.startswith(hint)


def test_the_log_of_another_kernels_build_is_not_shown(machine: Machine) -> None:
    machine.kernels.source()
    machine.host.put_file(
        "/var/lib/dkms/nvidia/580.95.05/build/make.log", f"DKMS make.log for x for kernel {OLD} (x86_64)\n".encode()
    )
    assert refused(OPEN, machine.host)[1].evidence == ""
