"""What kernels boot from: older than what is copied into it, or not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from provision.agent.provider import Pending
from provision.agent.steps import Remember, Run
from provision.plan.model import Status
from provision.resources import Directory, File, Initramfs, Packages, Resource
from tests.converge import converge, outcome, plan
from tests.fake_host import SECOND, FakeHost
from tests.fake_kernel import NEW, OLD, Kernels

CONF, MODULE = "/etc/modprobe.d/provision-nouveau.conf", "/usr/lib/modprobe.d/x.conf"
WANT = Initramfs(after=(CONF, MODULE))
Make = Callable[[FakeHost], None]
FRESH = "= newer than what is copied into it"


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


def no_kernel(host: FakeHost) -> None:
    host.put_file(CONF)


def with_kernels(host: FakeHost) -> None:
    Kernels(host)
    host.tick()


def stale(host: FakeHost) -> None:
    with_kernels(host)
    host.put_file(CONF)


def one_stale(host: FakeHost) -> None:
    stale(host)
    host.tick()
    host.put_file(f"/boot/initrd.img-{NEW}")


def dracut(host: FakeHost) -> None:
    stale(host)
    host.add_deb("dracut")


def no_maker(host: FakeHost) -> None:
    stale(host)
    host.tree.drop("/usr/sbin/update-initramfs")


def no_images(host: FakeHost) -> None:
    stale(host)
    for release in (OLD, NEW):
        host.tree.drop(f"/boot/initrd.img-{release}")


def forbidden(host: FakeHost) -> None:
    stale(host)
    host.put_file("/etc/initramfs-tools/update-initramfs.conf", b"# no more\nupdate_initramfs=no\n")


def forbidden_and_fresh(host: FakeHost) -> None:
    forbidden(host)
    host.tree.drop(CONF)


REFUSED = "/etc/initramfs-tools/update-initramfs.conf"
PRIORS: dict[str, tuple[Make, str]] = {
    "no kernel": (no_kernel, "= no kernel is installed here"),
    "no such files": (with_kernels, FRESH),
    "stale": (stale, f"~ {OLD} {NEW} > Run Run"),
    "one stale": (one_stale, f"~ {OLD} > Run"),
    "dracut": (dracut, f"~ {OLD} {NEW} > Run Run"),
    "nothing makes one": (no_maker, "= nothing here makes an initramfs: neither initramfs-tools nor dracut"),
    "kernels without": (no_images, "= no kernel here has an initramfs"),
    "forbidden": (forbidden, f"! `{REFUSED}` says `update_initramfs=no`: what the kernels boot from would stay as it is"),
    "forbidden and fresh": (forbidden_and_fresh, FRESH),
}


@pytest.mark.parametrize(("make", "expected"), PRIORS.values(), ids=PRIORS)
def test_every_prior_state(make: Make, expected: str, host: FakeHost) -> None:
    make(host)
    assert outcome(WANT, host) == expected


@pytest.mark.parametrize(
    ("make", "argv"),
    [
        (stale, ("update-initramfs", "-u", "-k", NEW)),
        (dracut, ("dracut", "--force", f"/boot/initrd.img-{NEW}", NEW)),
    ],
)
def test_the_machines_own_program_makes_it(make: Make, argv: tuple[str, ...], host: FakeHost) -> None:
    make(host)
    _, steps = converge(WANT, host)
    assert [(step.argv, step.timeout) for step in steps if isinstance(step, Run)][-1] == (argv, 1800)


def test_a_change_with_a_date_in_the_future_is_copied_once(host: FakeHost) -> None:
    with_kernels(host)
    host.now += 10_000_000 * SECOND
    host.put_file(CONF)
    host.now -= 10_000_000 * SECOND
    _, steps = converge(WANT, host)
    assert [type(step) for step in steps] == [Run, Remember, Run, Remember]
    assert plan(WANT, host).ok
    host.now += 20_000_000 * SECOND
    host.put_file(CONF, b"changed")
    _, steps = converge(WANT, host)
    assert [type(step) for step in steps] == [Run, Run]


@pytest.mark.parametrize("value", ["garbage", "[]", "{}", "null", '{"a": "x"}'])
def test_a_damaged_memory_decides_nothing(value: str, host: FakeHost) -> None:
    stale(host)
    host.state[f"initramfs-{NEW}"] = value
    assert [change.field for change in plan(WANT, host).changes] == [OLD, NEW]


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (File(path=CONF), Status.CHANGE),
        (File(path="/etc/other"), Status.OK),
        (Packages(names=("driver",)), Status.KNOWN_AFTER_APPLY),
        (Directory(path="/usr/lib/modprobe.d"), Status.KNOWN_AFTER_APPLY),
    ],
)
def test_what_is_still_to_change_counts(before: Resource, status: Status, host: FakeHost) -> None:
    with_kernels(host)
    pending = Pending()
    pending.add(before)
    assert plan(WANT, host, pending).status is status
