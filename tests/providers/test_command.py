"""Commands and their guards."""

from __future__ import annotations

import pytest

from provision.agent.host import Output
from provision.agent.provider import Pending
from provision.agent.steps import Run
from provision.plan.model import Status
from provision.resources import Command, User
from tests.converge import converge, outcome, plan
from tests.fake_host import FakeHost
from tests.prior import machine

CREATES = Command(name="make it", argv=("make", "a b"), creates="/opt/made", timeout=7)
UNLESS = Command(
    name="switch on", argv=("switch", "on"), unless=("switch", "-q"), user="me", cwd="/opt", environment=(("A", "b"),)
)


@pytest.fixture
def host() -> FakeHost:
    host = machine()
    state = {"on": False}
    host.on(("make",), lambda _step, host: host.put_file("/opt/made"))
    host.on(("switch",), lambda _step, _host: state.update(on=True))
    host.answer_guard(("switch",), lambda _argv: Output(code=0 if state["on"] else 1, stdout="", stderr="it is off\n"))
    return host


@pytest.mark.parametrize(
    ("want", "guard"), [(CREATES, "/opt/made exists"), (UNLESS, "`switch -q` succeeds")], ids=["creates", "unless"]
)
def test_it_runs_until_its_guard_is_satisfied(want: Command, guard: str, host: FakeHost) -> None:
    first, steps = converge(want, host)
    assert first.status is Status.OPAQUE
    assert guard in first.why
    run = Run(argv=want.argv, says=want.name, user=want.user, cwd=want.cwd, environment=want.environment, timeout=want.timeout)
    assert steps == (run,)
    host.steps.clear()
    assert outcome(want, host) == f"= {guard}"


def test_the_plan_shows_the_command_and_what_the_guard_said(host: FakeHost) -> None:
    assert [each.after for each in plan(CREATES, host).changes] == ["make 'a b'"]
    assert "it is off" in plan(UNLESS, host).why


def test_a_guard_runs_as_the_user(host: FakeHost) -> None:
    plan(UNLESS, host)
    assert host.queries == [(("switch", "-q"), "me")]


@pytest.mark.parametrize("prior", ["file", "directory", "dangling link"])
def test_anything_at_creates_satisfies(prior: str, host: FakeHost) -> None:
    if prior == "file":
        host.put_file("/opt/made")
    elif prior == "directory":
        host.put_directory("/opt/made")
    else:
        host.put_link("/opt/made", "/nowhere")
    assert plan(CREATES, host).ok


def test_a_command_whose_guard_is_not_satisfied_afterwards_did_not_converge(host: FakeHost) -> None:
    host.on(("make",), 0)
    with pytest.raises(AssertionError, match="did not converge"):
        converge(CREATES, host)


@pytest.mark.parametrize(
    "want",
    [
        Command(name="x", argv=("make",), user="new", unless=("switch",)),
        Command(name="x", argv=("make",), user="new", creates="/opt/made"),
    ],
)
def test_a_user_who_is_still_to_come(want: Command, host: FakeHost) -> None:
    assert outcome(want, host) == "! there is no user `new` to run `x`"
    pending = Pending()
    pending.add(User(name="new"))
    assert plan(want, host, pending).status is Status.OPAQUE
    assert host.calls["guard"] == 0
