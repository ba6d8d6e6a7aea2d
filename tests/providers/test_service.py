"""Services: every wanted state over every prior one."""

from __future__ import annotations

import pytest

from provision.agent.host import UnitState
from provision.agent.provider import Pending
from provision.agent.steps import Run
from provision.errors import InputError, ProvisionError
from provision.plan.model import Status
from provision.resources import File, Packages, Resource, Service, Unit
from provision.resources.directory import Directory
from tests.converge import converge, plan
from tests.fake_host import EPOCH, FakeHost
from tests.fake_systemd import Systemd
from tests.prior import machine

NAME, CONF = "app@me.service", "/etc/app.conf"
STARTED = EPOCH // 1000 - 1_000_000

WANTED = {
    "up": Service(unit=NAME),
    "running": Service(unit=NAME, enabled=None),
    "enabled": Service(unit=NAME, running=None),
    "stopped": Service(unit=NAME, running=False, enabled=None),
    "off": Service(unit=NAME, running=False, enabled=False),
    "masked": Service(unit=NAME, running=False, enabled=False, masked=True),
    "nothing": Service(unit=NAME, running=None, enabled=None),
    "restarted": Service(unit=NAME, restart_after=(CONF,)),
    "restarted if it runs": Service(unit=NAME, running=None, restart_after=(CONF,)),
}


def unit(active: str = "active", file: str = "enabled", load: str = "loaded", *, reload: bool = False) -> UnitState:
    return UnitState(load=load, active=active, file=file, needs_reload=reload, started_us=STARTED if active == "active" else 0)


PRIORS = {
    "up": unit(),
    "off": unit("inactive", "disabled"),
    "running, disabled": unit("active", "disabled"),
    "static": unit("active", "static"),
    "failed": unit("failed"),
    "starting over and over": unit("activating"),
    "masked": unit("inactive", "masked", "masked"),
    "masked while it ran": unit("active", "masked", "masked"),
    "unread": unit("inactive", "disabled", reload=True),
}
SAME = {prior: f"= {state.active}" for prior, state in PRIORS.items()}
BOTH = {prior: f"= {state.active}, {state.file}" for prior, state in PRIORS.items()}
START = {
    "off": "start",
    "failed": "reset-failed start",
    "starting over and over": "start",
    "masked": "unmask start",
    "masked while it ran": "unmask",
    "unread": "daemon-reload start",
}
ENABLE = {
    "off": "enable",
    "running, disabled": "enable",
    "masked": "unmask enable",
    "masked while it ran": "unmask enable",
    "unread": "daemon-reload enable",
}
STOP = {
    "up": "stop",
    "running, disabled": "stop",
    "static": "stop",
    "starting over and over": "stop",
    "masked while it ran": "stop",
}
UP = {
    "off": "enable start",
    "running, disabled": "enable",
    "failed": "reset-failed start",
    "starting over and over": "start",
    "masked": "unmask enable start",
    "masked while it ran": "unmask enable",
    "unread": "daemon-reload enable start",
}
EXPECTED = {
    "up": {**BOTH, **UP},
    "running": {**SAME, **START},
    "enabled": {**BOTH, **ENABLE},
    "stopped": {**SAME, **STOP},
    "off": {**BOTH, **STOP, "up": "disable stop", "failed": "disable", "starting over and over": "disable stop"},
    "masked": {
        "up": "stop disable mask",
        "off": "mask",
        "running, disabled": "stop mask",
        "static": "stop mask",
        "failed": "disable mask",
        "starting over and over": "stop disable mask",
        "masked": BOTH["masked"],
        "masked while it ran": "stop",
        "unread": "daemon-reload mask",
    },
    "nothing": SAME,
    "restarted": {
        **BOTH,
        **UP,
        "up": "restart",
        "running, disabled": "enable restart",
        "static": "restart",
        "masked while it ran": "unmask enable restart",
    },
    "restarted if it runs": {
        **BOTH,
        **ENABLE,
        "up": "try-restart",
        "running, disabled": "enable try-restart",
        "static": "try-restart",
        "masked while it ran": "unmask enable try-restart",
    },
}


@pytest.fixture
def host() -> FakeHost:
    host = machine()
    host.put_file(CONF, b"x")
    host.answer(("journalctl",), "one\ntwo\n")
    return host


@pytest.mark.parametrize(("wanted", "prior"), [(wanted, prior) for wanted in WANTED for prior in PRIORS])
def test_every_wanted_over_every_prior(wanted: str, prior: str, host: FakeHost) -> None:
    systemd = Systemd(host)
    host.units[NAME] = PRIORS[prior]
    if prior == "static":
        systemd.static.add(NAME)
    first, steps = converge(WANTED[wanted], host)
    done = f"= {first.why}" if first.ok else " ".join(step.argv[1] for step in steps if isinstance(step, Run))
    assert done == EXPECTED[wanted][prior]


@pytest.mark.parametrize("file", ["static", "alias", "generated", "indirect", "transient"])
def test_what_systemctl_does_not_enable_is_ok_both_ways(file: str, host: FakeHost) -> None:
    host.units[NAME] = unit(file=file)
    assert plan(WANTED["up"], host).why == f"active, {file}"
    host.units[NAME] = unit("inactive", file)
    assert plan(WANTED["off"], host).ok


def test_enabled_only_until_the_next_boot_is_not_enabled(host: FakeHost) -> None:
    host.units[NAME] = unit(file="enabled-runtime")
    assert [each.before for each in plan(WANTED["up"], host).changes] == ["enabled-runtime"]


@pytest.mark.parametrize("wanted", ["stopped", "off", "nothing"])
def test_a_unit_that_is_not_there_neither_runs_nor_is_enabled(wanted: str, host: FakeHost) -> None:
    assert plan(WANTED[wanted], host).why == "there is no such unit"


def test_a_unit_that_is_not_there_can_be_masked(host: FakeHost) -> None:
    systemd = Systemd(host)
    converge(WANTED["masked"], host)
    assert systemd.verbs == ["mask"]


@pytest.mark.parametrize(
    ("comes", "why"),
    [
        (Unit(name=NAME, content="[Service]\n"), f"comes with /etc/systemd/system/{NAME}"),
        (Unit(name="app@.service", content="[Service]\n"), "comes with /etc/systemd/system/app@.service"),
        (Packages(names=("app",)), "comes with the packages that are still to be installed"),
        (None, ""),
        (Unit(name=NAME, dropin="x", content="[Service]\n"), ""),
    ],
)
def test_a_unit_that_is_still_to_come(comes: Resource | None, why: str, host: FakeHost) -> None:
    pending = Pending()
    if comes is not None:
        pending.add(comes)
    if why:
        diff = plan(WANTED["up"], host, pending)
        assert (diff.status, diff.why) == (Status.CHANGE, why)
        assert [each.field for each in diff.changes] == ["enabled", "running"]
        return
    with pytest.raises(ProvisionError, match="there is no systemd unit `app@me") as caught:
        plan(WANTED["up"], host, pending)
    assert caught.value.hint == "`systemctl list-unit-files 'app@*.service'` shows what there is"


def test_a_unit_that_fails_at_once_did_not_converge_and_shows_its_log(host: FakeHost) -> None:
    systemd = Systemd(host)
    systemd.fails.add(NAME)
    host.units[NAME] = unit("inactive", "enabled")
    with pytest.raises(AssertionError, match="did not converge"):
        converge(WANTED["up"], host)
    diff = plan(WANTED["up"], host)
    assert [(each.field, each.before) for each in diff.changes] == [("running", "failed")]
    assert (diff.why, diff.text) == ("two", "one\ntwo")


def test_the_log_is_read_only_where_something_is_wrong(host: FakeHost) -> None:
    for prior, state in PRIORS.items():
        host.units[NAME] = state
        host.calls.clear()
        plan(WANTED["up"], host)
        assert host.calls["query"] == (prior in {"failed", "starting over and over"})


def test_a_file_older_than_the_start_restarts_nothing(host: FakeHost) -> None:
    host.units[NAME] = UnitState(load="loaded", active="active", file="enabled", started_us=EPOCH // 1000 + 1)
    assert plan(WANTED["restarted"], host).ok
    host.tree.drop(CONF)
    host.units[NAME] = unit()
    assert plan(WANTED["restarted"], host).ok


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (File(path=CONF), Status.CHANGE),
        (Directory(path="/etc/app.d"), Status.OK),
        (Packages(names=("app",)), Status.OK),
    ],
)
def test_a_file_that_will_change_restarts(before: Resource, status: Status, host: FakeHost) -> None:
    pending = Pending()
    pending.add(before)
    host.units[NAME] = UnitState(load="loaded", active="active", file="enabled", started_us=EPOCH // 1000 + 1)
    diff = plan(WANTED["restarted"], host, pending)
    assert diff.status is status
    assert [each.before for each in diff.changes] == (["/etc/app.conf changes"] if status is Status.CHANGE else [])


@pytest.mark.parametrize("before", [Packages(names=("app",)), Directory(path="/opt/app")])
def test_a_file_that_may_change_is_known_after_apply(before: Resource, host: FakeHost) -> None:
    pending = Pending()
    pending.add(before)
    host.units[NAME] = unit()
    diff = plan(Service(unit=NAME, restart_after=("/opt/app/bin/app",)), host, pending)
    assert (diff.status, diff.why) == (Status.KNOWN_AFTER_APPLY, "restarted if /opt/app/bin/app changes")


@pytest.mark.parametrize(
    "want",
    [
        Service(unit="ssh.socket", running=False, enabled=None),
        Service(unit="ssh.socket", running=None, enabled=False),
        Service(unit="ssh.socket", running=None, enabled=None, masked=True),
    ],
)
def test_the_socket_of_ssh_is_never_taken_away(want: Service, host: FakeHost) -> None:
    host.units["ssh.socket"] = unit()
    with pytest.raises(InputError, match="never stopped, disabled or masked"):
        plan(want, host)
    assert plan(Service(unit="ssh.socket"), host).ok
