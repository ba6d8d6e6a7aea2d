"""Reboots: one for each change, never a loop."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from provision.agent.provider import Pending
from provision.agent.steps import Remember, RequestReboot
from provision.plan.model import Status
from provision.resources import DriverModule, File, Packages, Reboot, Resource
from tests.converge import converge, outcome, plan
from tests.fake_host import SECOND, FakeHost
from tests.fake_kernel import NEW, OLD, Kernels

CONF, MODULE = "/etc/modprobe.d/x.conf", "/lib/modules/x.ko"
WANT = Reboot(name="driver", because="nouveau holds the GPU", after=(CONF, MODULE))
OK = "= this boot began after the last change"


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


def touch(host: FakeHost, path: str, *, before_boot: bool = False, ahead: int = 0) -> None:
    now = host.now
    host.now = host.boot_time_ns() - SECOND if before_boot else host.now + ahead * SECOND
    host.put_file(path)
    host.now = now


def test_nothing_changed_since_the_boot(host: FakeHost) -> None:
    assert outcome(WANT, host) == OK
    touch(host, CONF, before_boot=True)
    assert outcome(WANT, host) == OK
    assert outcome(Reboot(name="never", because="x"), host) == "= nothing asks for it"


def test_a_change_since_the_boot_is_one_reboot(host: FakeHost) -> None:
    touch(host, CONF)
    touch(host, MODULE, before_boot=True)
    first, steps = converge(WANT, host)
    assert (first.reboots, first.why) == (1, "nouveau holds the GPU")
    assert [each.before for each in first.changes] == [f"{CONF} is newer than this boot"]
    assert [type(step) for step in steps] == [Remember, RequestReboot]
    assert plan(WANT, host).ok


def test_it_stays_needed_until_the_machine_did_boot(host: FakeHost) -> None:
    touch(host, CONF)
    _, steps = converge(WANT, host)
    other = FakeHost()
    touch(other, CONF)
    for step in steps:
        other.perform(step)
    assert plan(WANT, other).reboots == 1


def test_a_change_with_a_date_in_the_future_is_no_loop(host: FakeHost) -> None:
    touch(host, CONF, ahead=10_000_000)
    converge(WANT, host)
    assert plan(WANT, host).ok
    touch(host, CONF, ahead=10_000_001)
    assert plan(WANT, host).reboots == 1


def test_a_later_change_is_another_reboot(host: FakeHost) -> None:
    touch(host, CONF)
    converge(WANT, host)
    host.tick()
    touch(host, MODULE)
    assert [each.before for each in plan(WANT, host).changes] == [f"{MODULE} is newer than this boot"]
    converge(WANT, host)


@pytest.mark.parametrize("value", ["garbage", "[]", "{}", "null", '{"boot": 1}', '{"boot": "x", "for": [1]}'])
def test_a_damaged_memory_decides_nothing(value: str, host: FakeHost) -> None:
    touch(host, CONF)
    host.state["reboot-driver"] = value
    assert plan(WANT, host).reboots == 1
    converge(WANT, host)
    assert set(json.loads(host.state["reboot-driver"])) == {"boot", "for"}


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (File(path=CONF), Status.CHANGE),
        (File(path="/etc/other"), Status.OK),
        (Packages(names=("driver",)), Status.KNOWN_AFTER_APPLY),
    ],
)
def test_what_is_still_to_change_counts(before: Resource, status: Status, host: FakeHost) -> None:
    pending = Pending()
    pending.add(before)
    diff = plan(WANT, host, pending)
    assert (diff.status, diff.reboots) == (status, 0 if status is Status.OK else 1)


DRIVER = Reboot(name="driver", because="the driver is not the loaded one", after=(CONF,), unless_loaded="nvidia")


def load(host: FakeHost, name: str = "nvidia", version: str = "580.95.05") -> None:
    host.put_file(f"/sys/module/{name}/version", f"{version}\n".encode())


def ready(host: FakeHost) -> Kernels:
    kernels = Kernels(host)
    kernels.module()
    return kernels


def nouveau(host: FakeHost, name: str = "nouveau") -> None:
    ready(host)
    host.put_directory(f"/sys/module/{name}")


def mismatch(host: FakeHost) -> None:
    ready(host)
    load(host, version="570.1")


def loaded(host: FakeHost) -> None:
    ready(host)
    load(host)


def no_kernel(host: FakeHost) -> None:
    load(host, "nouveau")


def for_the_old_kernel(host: FakeHost) -> None:
    Kernels(host).module(OLD)


def nova(host: FakeHost) -> None:
    nouveau(host, "nova_core")


def nouveau_alone(host: FakeHost) -> None:
    Kernels(host)
    host.put_directory("/sys/module/nouveau")


SOUND: list[tuple[Callable[[FakeHost], object], str]] = [
    (no_kernel, "no kernel is installed here"),
    (loaded, "nvidia 580.95.05 is loaded, as on disk"),
    (Kernels, f"there is no driver to load for {NEW}, which boots next"),
    (for_the_old_kernel, f"there is no driver to load for {NEW}, which boots next"),
]
WRONG: list[tuple[Callable[[FakeHost], object], str]] = [
    (ready, "nvidia 580.95.05 is on disk, none is loaded"),
    (mismatch, "nvidia 580.95.05 is on disk, 570.1 is loaded"),
    (nouveau, "nouveau holds the GPU"),
    (nova, "nova_core holds the GPU"),
    (nouveau_alone, "nouveau holds the GPU"),
]


@pytest.mark.parametrize(("make", "why"), SOUND)
def test_a_driver_that_needs_no_reboot(make: Callable[[FakeHost], object], why: str, host: FakeHost) -> None:
    make(host)
    assert outcome(DRIVER, host) == f"= {why}"


@pytest.mark.parametrize(("make", "why"), WRONG)
def test_a_driver_that_needs_one(make: Callable[[FakeHost], object], why: str, host: FakeHost) -> None:
    make(host)
    diff, _ = converge(DRIVER, host)
    assert ([change.before for change in diff.changes], diff.reboots) == ([why], 1)
    assert plan(DRIVER, host).why == f"a reboot was made for it already, and {why}: `provision doctor` says why"


def test_a_reboot_that_did_not_help_is_made_again_for_another_file_only(host: FakeHost) -> None:
    kernels = ready(host)
    converge(DRIVER, host)
    assert plan(DRIVER, host).ok
    host.tick()
    touch(host, CONF)
    first, _ = converge(DRIVER, host)
    assert [change.before for change in first.changes] == [f"{CONF} is newer than this boot"]
    assert plan(DRIVER, host).ok, "neither for the file nor for the driver"
    host.tick()
    kernels.module(version="580.99")
    assert [change.before for change in converge(DRIVER, host)[0].changes] == ["nvidia 580.99 is on disk, none is loaded"]


def test_a_module_that_is_loaded_already_may_be_among_the_files(host: FakeHost) -> None:
    loaded(host)
    (path,) = (path for path in host.tree.nodes if path.endswith("nvidia.ko.zst"))
    want = Reboot(name="driver", because="x", after=(path,), unless_loaded="nvidia")
    assert [change.before for change in converge(want, host)[0].changes] == [f"{path} is newer than this boot"]


def test_both_reasons_are_told(host: FakeHost) -> None:
    mismatch(host)
    touch(host, CONF)
    told = [change.before for change in plan(DRIVER, host).changes]
    assert told == [f"{CONF} is newer than this boot", "nvidia 580.95.05 is on disk, 570.1 is loaded"]


@pytest.mark.parametrize(
    ("make", "status"),
    [(loaded, Status.KNOWN_AFTER_APPLY), (Kernels, Status.KNOWN_AFTER_APPLY), (nouveau, Status.CHANGE)],
)
@pytest.mark.parametrize("before", [Packages(names=("driver",)), DriverModule()])
def test_a_driver_that_is_still_to_come_counts(
    before: Resource, make: Callable[[FakeHost], object], status: Status, host: FakeHost
) -> None:
    make(host)
    pending = Pending()
    pending.add(before)
    diff = plan(DRIVER, host, pending)
    assert (diff.status, diff.reboots) == (status, 1)
