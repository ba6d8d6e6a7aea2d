"""Reboots: one for each change, never a loop."""

from __future__ import annotations

import json

import pytest

from provision.agent.provider import Pending
from provision.agent.steps import Remember, RequestReboot
from provision.plan.model import Status
from provision.resources import File, Packages, Reboot, Resource
from tests.converge import converge, outcome, plan
from tests.fake_host import SECOND, FakeHost

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
