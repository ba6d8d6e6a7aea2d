"""Several machines side by side, what Ctrl-C does, and one session by itself."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from provision.errors import Exit, ProvisionError
from provision.run import drive
from provision.run.connect import Gate, Sudo, connect, each
from provision.run.drive import follow
from provision.run.session import open_session
from tests.fake_agent import STARTED, WAIT, ended
from tests.unit.run.driving import driving, one
from tests.unit.run.recorder import Recorder

pytestmark = pytest.mark.usefixtures("alone")


# Ctrl-C


class Interrupting(Recorder):
    """Somebody types Ctrl-C once the run has begun."""

    def __init__(self, times: int = 1) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.times = times

    def event(self, host: str, event: dict[str, Any]) -> None:
        super().event(host, event)
        self.begun.set()


def test_ctrl_c_asks_the_run_to_stop_and_waits_for_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ui = Interrupting()
    lab = one(events=(STARTED, WAIT, ended("interrupted")))
    real = each

    def interrupted(hosts: list[str], work: Any, stop: Any = None) -> Any:  # noqa: ANN401 - as `each` has it
        if stop is None:
            return real(hosts, work)
        later: dict[str, Any] = {}
        thread = threading.Thread(target=lambda: later.update(real(hosts, work)))
        thread.start()
        assert ui.begun.wait(20)
        stop()
        thread.join(20)
        return later

    monkeypatch.setattr(drive, "each", interrupted)
    assert driving(lab, ui=ui).apply() is Exit.INTERRUPTED
    assert lab.asked == ["plan", "go", "stop", "bye"]
    assert "Ctrl-C again leaves the run to itself" in ui.of("note")[0]


def test_the_first_ctrl_c_is_passed_on_and_the_second_one_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    release, told = threading.Event(), []

    class Late:
        interrupts = 2

        def __init__(self, make: Any) -> None:  # noqa: ANN401 - a callable
            self._make = make

        def get(self) -> object:
            if Late.interrupts:
                Late.interrupts -= 1
                raise KeyboardInterrupt
            return self._make()

    monkeypatch.setattr("provision.run.connect.Later", Late)
    with pytest.raises(KeyboardInterrupt):
        each(["a"], lambda _: release.wait(0), lambda: told.append("stop"))
    assert told == ["stop"]
    Late.interrupts = 1
    assert each(["a"], str.upper, lambda: told.append("stop")) == {"a": "A"}
    Late.interrupts = 1
    with pytest.raises(KeyboardInterrupt):
        each(["a"], str.upper)


def test_errors_nobody_expected_are_raised() -> None:
    def work(_host: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        each(["a"], work)


# A session by itself


def test_runs_and_attaching() -> None:
    lab = one(runs=({"run": "r0"},), events=(STARTED, ended("failed")))
    with open_session(lab, sudo=True, password="", ask=lambda _host: "") as session:
        assert session.runs() == [{"run": "r0"}]
        ui = Recorder()
        assert follow("lab", session, session.attach("r0", 3), ui, None) is Exit.FAILED
        session.stop()
    assert lab.heard[1] == {"do": "attach", "run": "r0", "after": 3}
    assert lab.streams[0].closed


def test_only_blobs_that_are_lacking_are_sent() -> None:
    lab = one()
    with open_session(lab, sudo=True, password="", ask=lambda _host: "") as session:
        from provision.catalog.model import Catalog  # noqa: PLC0415 - for this test alone

        plan = session.plan(Catalog())
        session.go(plan, {"aa": b"x"})
        assert lab.heard[-1]["blobs"] == {}
        assert session.enforced


def test_an_answer_that_was_not_due_is_an_error() -> None:
    lab = one(errors={})
    with open_session(lab, sudo=True, password="", ask=lambda _host: "") as session:
        session._channel.send({"do": "check"})
        with pytest.raises(ProvisionError, match="the agent answered `event` where `runs` was due"):
            session.runs()


def test_connecting_returns_at_once_and_questions_wait_for_the_gate() -> None:
    lab, gate, asked = one(asks_for="s"), Gate(), threading.Event()

    def ask(_host: str) -> str:
        asked.set()
        return "s"

    later = connect([lab], Sudo(ask=ask), gate)["lab"]
    assert not asked.wait(0.1)
    gate.open()
    with later.get() as session:
        assert session.facts == lab.facts
    assert asked.is_set()
