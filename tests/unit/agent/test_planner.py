"""A catalog and a look at a machine make a plan; nothing is changed, and all that is in the way is told at once."""

from __future__ import annotations

import pytest

from provision.agent.planner import make_plan, unit_names
from provision.errors import Exit, InputError, ProvisionError, UnreadableError
from provision.plan.model import Status
from provision.resources import Directory, File, Packages, Service, Unit
from tests.converge import read_only
from tests.fake_apt import Apt, Candidate
from tests.fake_host import FakeHost
from tests.unit.agent.things import Thing, Things, catalog, install


@pytest.fixture
def things(monkeypatch: pytest.MonkeyPatch) -> Things:
    return install(monkeypatch)


def test_entries_come_in_the_catalogs_order_with_their_roles_and_titles(things: Things) -> None:
    host = FakeHost()
    host.state["b"] = "made"
    plan = make_plan(catalog(Thing(name="c"), Thing(name="b"), Thing(name="a")), read_only(host), free_bytes=7)
    assert [(e.key, e.role, e.kind, e.title, e.diff.status) for e in plan.entries] == [
        ("thing:c", "base", "thing", "c", Status.CHANGE),
        ("thing:b", "base", "thing", "b", Status.OK),
        ("thing:a", "base", "thing", "a", Status.CHANGE),
    ]
    assert things.seen == ["c", "b", "a"]
    assert plan.free_bytes == 7
    assert host.steps == []


def test_what_will_change_is_pending_for_those_after_it_only(things: Things) -> None:
    host = FakeHost()
    first, second = Thing(name="a", after="thing:b"), Thing(name="b", after="thing:a")
    plan = make_plan(catalog(first, second), read_only(host))
    assert [entry.diff.status for entry in plan.entries] == [Status.CHANGE, Status.KNOWN_AFTER_APPLY]
    host.state["a"] = "made"
    plan = make_plan(catalog(first, second), read_only(host))
    assert [entry.diff.status for entry in plan.entries] == [Status.OK, Status.CHANGE]


def test_claims_are_pending_between_real_providers() -> None:
    host = FakeHost()
    made = make_plan(catalog(Directory(path="/srv/a"), File(path="/srv/a/b", content="x")), read_only(host))
    assert [entry.diff.status for entry in made.pending] == [Status.CHANGE, Status.CHANGE]


def test_all_problems_are_reported_the_first_one_as_the_message(things: Things) -> None:
    things.trouble = {
        "b": InputError("no disk", hint="buy one", evidence="lsblk is empty"),
        "d": ProvisionError("no luck"),
    }
    wanted = catalog(*(Thing(name=name) for name in "abcd"), role="storage")
    with pytest.raises(ProvisionError) as caught:
        make_plan(wanted, read_only(FakeHost()))
    assert caught.value.message == "storage · thing:b: no disk"
    assert caught.value.hint == "buy one"
    assert caught.value.evidence == "lsblk is empty\nstorage · thing:d: no luck"
    assert caught.value.exit is Exit.BAD_INPUT
    assert things.seen == ["a", "b", "c", "d"]


def test_what_only_root_can_read_is_known_later_unless_we_are_root(things: Things) -> None:
    things.trouble = {"a": UnreadableError("cannot read `/root/a`: permission denied")}
    plan = make_plan(catalog(Thing(name="a")), read_only(FakeHost()), privileged=False)
    (entry,) = plan.pending
    assert entry.diff.status is Status.KNOWN_AFTER_APPLY
    assert entry.diff.why == "cannot read `/root/a`: permission denied (not looked at as root)"
    with pytest.raises(ProvisionError, match="permission denied"):
        make_plan(catalog(Thing(name="a")), read_only(FakeHost()), privileged=True)


def test_other_trouble_is_told_without_root_too(things: Things) -> None:
    things.trouble = {"a": ProvisionError("no luck")}
    with pytest.raises(ProvisionError, match="no luck"):
        make_plan(catalog(Thing(name="a")), read_only(FakeHost()), privileged=False)


def test_a_name_that_apt_would_read_as_an_order_for_another_package_is_refused() -> None:
    host = FakeHost()
    apt = Apt(host, archive={"vim": Candidate()})
    apt.fresh()
    said = "Reading package lists...\nThe following NEW packages will be installed:\n   vim (2.0)\n"
    host.answer(("apt-get", "install", "--print-uris"), said)
    with pytest.raises(ProvisionError, match=r"`vim\+` is a virtual package: apt takes another in its place"):
        make_plan(catalog(Packages(names=("vim+",))), read_only(host))


def test_units_are_asked_for_by_name_once() -> None:
    wanted = catalog(
        Service(unit="ssh.service"), Unit(name="ssh.service", dropin="ours"), Unit(name="a.timer"), Directory(path="/srv/x")
    )
    assert unit_names(wanted) == ("a.timer", "ssh.service")
