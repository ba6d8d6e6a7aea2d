"""Time zones."""

from __future__ import annotations

import pytest

from provision.agent.provider import Pending
from provision.plan.model import Status
from provision.resources import Packages, Timezone
from tests.converge import outcome, plan
from tests.fake_host import FakeHost

WANT = Timezone(name="Europe/Paris")
LINK, ZONES = "/etc/localtime", "/usr/share/zoneinfo"


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    for name in ("Europe/Paris", "Etc/UTC"):
        host.put_file(f"{ZONES}/{name}", b"TZif")
    return host


@pytest.mark.parametrize(
    ("link", "name", "expected"),
    [
        (f"{ZONES}/Europe/Paris", None, "= the time zone is Europe/Paris"),
        ("../usr/share/zoneinfo/Europe/Paris", b"Europe/Paris\n", "= the time zone is Europe/Paris"),
        (f"{ZONES}/Etc/UTC", None, "~ time zone > MakeLink"),
        (f"{ZONES}/Etc/UTC", b"Etc/UTC\n", "~ time zone /etc/timezone content > MakeLink Write"),
        (f"{ZONES}/Europe/Paris", b"Etc/UTC\n", "~ /etc/timezone content > Write"),
        (None, None, "~ time zone > MakeLink"),
        ("", None, "~ time zone > Remove MakeLink"),
    ],
)
def test_every_prior(link: str | None, name: bytes | None, expected: str, host: FakeHost) -> None:
    if link:
        host.put_link(LINK, link)
    elif link is not None:
        host.put_file(LINK, b"TZif copy")
    if name is not None:
        host.put_file("/etc/timezone", name)
    assert outcome(WANT, host) == expected
    assert host.readlink(LINK) in {f"{ZONES}/Europe/Paris", "../usr/share/zoneinfo/Europe/Paris"}
    assert (host.lstat("/etc/timezone") is None) == (name is None)


def test_the_change_names_both_zones(host: FakeHost) -> None:
    host.put_link(LINK, f"{ZONES}/Etc/UTC")
    assert [(each.before, each.after) for each in plan(WANT, host).changes] == [("Etc/UTC", "Europe/Paris")]


@pytest.mark.parametrize("name", ["Europe/Nowhere", "Europe"])
def test_a_zone_that_is_not_there(name: str, host: FakeHost) -> None:
    want = Timezone(name=name)
    assert outcome(want, host) == f"! this machine knows no time zone `{name}`"
    for package, comes in (("tzdata", True), ("tzdata-legacy", True), ("other", False)):
        pending = Pending()
        pending.add(Packages(names=(package,)))
        if comes:
            diff = plan(want, host, pending)
            assert (diff.status, diff.why) == (Status.KNOWN_AFTER_APPLY, f"comes with the package {package}")
