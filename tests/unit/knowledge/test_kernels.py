"""Kernels for which Ubuntu has built modules, and the others, for which DKMS builds them."""

from __future__ import annotations

import pytest

from provision.knowledge.stack import Wish
from tests.unit.knowledge.asked import answer, wish
from tests.unit.knowledge.checker import violations

BUILT = ("generic", "generic-hwe-24.04", "lowlatency", "nvidia", "nvidia-hwe-24.04", "aws", "azure", "gcp", "oracle")
OTHERS = ("kvm", "oem-24.04", "realtime", "ibm")


@pytest.mark.parametrize("kernel", BUILT)
def test_modules_that_come_built(kernel: str) -> None:
    stack = answer("RTX 3090", kernel=kernel, secure_boot=True)
    assert stack.driver is not None
    assert stack.driver.signed
    assert f"linux-modules-nvidia-595-open-{kernel}" in stack.driver.packages


@pytest.mark.parametrize("kernel", OTHERS)
@pytest.mark.parametrize("desktop", [True, False])
def test_modules_that_are_built_on_the_machine(kernel: str, *, desktop: bool) -> None:
    asked: Wish = wish("RTX 3090", kernel=kernel, secure_boot=True, desktop=desktop)
    stack = answer("RTX 3090", kernel=kernel, secure_boot=True, desktop=desktop)
    assert stack.driver is not None
    assert not stack.driver.signed
    whole = ("nvidia-driver-595-open",) if desktop else ("nvidia-headless-no-dkms-595-open", "nvidia-utils-595")
    assert stack.driver.packages == (f"linux-headers-{kernel}", "nvidia-dkms-595-open", *whole)
    assert any("(MOK)" in warning for warning in stack.warnings)
    assert f"Ubuntu has no signed modules of 595 for the {kernel} kernel: DKMS builds them" in stack.reasons
    assert violations(asked, stack) == []


def test_the_proprietary_module_too() -> None:
    stack = answer("GTX 1080 Ti", kernel="kvm")
    assert stack.driver is not None
    assert stack.driver.packages == ("linux-headers-kvm", "nvidia-dkms-580", "nvidia-driver-580")


def test_a_row_for_every_kernel_takes_any() -> None:
    stack = answer("RTX 3090", system="debian-13", kernel="cloud-amd64")
    assert stack.driver is not None
    assert "linux-headers-cloud-amd64" in stack.driver.packages
