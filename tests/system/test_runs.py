"""A run belongs to the machine: it outlives its controller and its link, can be followed later, and is never two."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.delay_proxy import DelayProxy
from provision.box.box import Box
from tests.system.driving import Driver, undone, until
from tests.system.inhabit import inhabit
from tests.system.slow_run import KEYS, SLOW, Slow, gate, journals, newest, nobody_is_left, whole

pytestmark = pytest.mark.box

LEFT_OVERS = "rm -rf /srv/run /run/gate; pkill -f '^sh -c for i in' || true"


@pytest.fixture
def driver(box: Box, tmp_path: Path) -> Iterator[Driver]:
    made = Driver(box, tmp_path)
    made.role(SLOW)
    with undone(box, LEFT_OVERS):
        yield made
    assert box.execute(["ls", "/run/provision"]).stdout.split() in (["lock"], [])
    assert box.execute("find / -xdev -name '.*provision*' -newer /etc/machine-id -not -path '/home/*'").stdout == ""


def summary(driver: Driver, run: str) -> dict[str, Any]:
    said = driver.run("runs")
    assert said.code == 0
    return next(line for line in said.lines if line["run"] == run)


def settled(driver: Driver) -> None:
    """Apply finishes, and applied again changes nothing."""
    gate(driver.box)
    said = driver.apply()
    assert said.code == 0, said
    assert driver.box.succeed("cat /srv/run/first /srv/run/second") == "1\n2\n"
    again = driver.apply()
    assert (again.code, again.pending, again.changed) == (0, {}, [])


def test_a_killed_controller(driver: Driver) -> None:
    slow = Slow(driver)
    slow.kill()
    nobody_is_left(driver.box)
    assert summary(driver, slow.run)["result"] == "running"
    during = driver.start("attach", slow.run)
    assert slow.ended() == "done"
    for said in (driver.finish(during), driver.run("attach", slow.run), driver.run("attach")):
        assert said.code == 0
        assert said.events == slow.events
        assert whole(said.events)
    assert [event["seq"] for event in driver.run("attach", slow.run, "--after", "3").events] == [
        event["seq"] for event in slow.events[3:]
    ]
    assert summary(driver, slow.run) == {**summary(driver, slow.run), "result": "done", "changed": 4}
    settled(driver)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_controller_that_is_told_to_end(driver: Driver, name: str) -> None:
    slow = Slow(driver)
    slow.child.send_signal(signal.Signals[name])
    out, err = slow.child.communicate(timeout=20)
    assert slow.child.returncode not in {0, 1}
    assert "Traceback" not in out + err
    assert slow.ended() == "done"
    assert whole(driver.run("attach", slow.run).events)


def test_a_reader_that_is_gone(driver: Driver) -> None:
    slow = Slow(driver)
    assert slow.child.stdout
    assert json.loads(slow.child.stdout.readline())["type"] == "facts"
    slow.child.stdout.close()
    assert slow.ended() == "done"
    assert slow.child.wait(20) == 0
    assert slow.child.stderr
    assert slow.child.stderr.read() == ""


def test_interrupted_once_it_ends_after_the_resource(driver: Driver) -> None:
    slow = Slow(driver)
    slow.child.send_signal(signal.SIGINT)
    before = _until_told(slow)
    assert slow.ended() == "interrupted"
    said = driver.finish(slow.child, heard=before)
    assert (said.code, said.ended, said.changed) == (130, "interrupted", KEYS[:3])
    driver.box.fail(["test", "-e", "/srv/run/second"])
    assert summary(driver, slow.run)["result"] == "interrupted"
    assert driver.run("attach", slow.run).code == 130
    settled(driver)


def _until_told(slow: Slow) -> str:
    """Read what the controller says until it has passed the wish on, to the byte."""
    assert slow.child.stdout
    heard = b""
    while b"stopping" not in heard or not heard.endswith(b"\n"):
        heard += os.read(slow.child.stdout.fileno(), 65536) or pytest.fail("it ended")
    return heard.decode()


def test_interrupted_twice_it_is_left_to_itself(driver: Driver) -> None:
    slow = Slow(driver)
    slow.child.send_signal(signal.SIGINT)
    _until_told(slow)
    slow.child.send_signal(signal.SIGINT)
    said = driver.finish(slow.child)
    assert said.code == 130
    assert said.of("error"), said
    assert "provision attach" in said.error["hint"]
    assert slow.ended() == "interrupted"


Moment = Callable[[DelayProxy, Box, set[str]], object]
MOMENTS: dict[str, Moment] = {
    "while it connects": lambda proxy, _box, _before: proxy.bytes_up > 0,
    "while it sends the agent": lambda proxy, _box, _before: proxy.bytes_up > 10_000,
    "when the run is written down": lambda _proxy, box, before: set(journals(box)) - before,
    "in its slow command": lambda _proxy, box, before: any(
        event.get("key") == "command:slow" for run in set(journals(box)) - before for event in journals(box)[run]
    ),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_lost_link(driver: Driver, moment: str) -> None:
    before = set(journals(driver.box))
    with DelayProxy(driver.box.port, delay=0.005) as proxy:
        driver.port = proxy.port
        driver.configure()
        child = driver.start("apply", "sample")
        until(lambda: MOMENTS[moment](proxy, driver.box, before))
        proxy.cut()
        said = driver.finish(child, timeout=30)
    assert said.code == 4, said
    driver.port = 0
    driver.configure()
    nobody_is_left(driver.box)
    gate(driver.box)
    begun = set(journals(driver.box)) - before
    assert bool(begun) == moment.startswith(("when", "in"))
    for run in begun:
        assert "`provision attach " in said.error["hint"]
        assert run in said.error["hint"] or moment.startswith("when")
        assert f"--host {driver.box.name}`" in said.error["hint"]
        attached = driver.run("attach", run)
        assert attached.code == 0
        assert whole(attached.events)
    settled(driver)


def test_two_runs(driver: Driver) -> None:
    slow = Slow(driver)
    said = driver.apply()
    assert said.code == 1
    assert f"run {slow.run} (pid " in said.error["message"]
    assert f"`provision attach {slow.run}`" in said.error["hint"]
    assert driver.run("plan", "sample").code == 0, "looking is always allowed"
    assert slow.ended() == "done"
    assert whole(driver.finish(slow.child).events)


def test_two_runs_begun_at_once(driver: Driver) -> None:
    both = [driver.start("apply", "sample") for _ in range(2)]
    loser = until(lambda: [child for child in both if child.poll() is not None])[0]
    winner = next(child for child in both if child is not loser)
    gate(driver.box)
    said = driver.finish(loser)
    assert said.code == 1
    assert "is at work on this machine" in said.stdout
    assert driver.finish(winner).code == 0
    settled(driver)


def test_one_of_them_is_on_the_machine_itself(driver: Driver, tmp_path: Path) -> None:
    box = driver.box
    program = inhabit(box, tmp_path)
    box.copy_to(driver.folder / "roles", "/opt/roles")
    box.copy_to(driver.folder / "workstation.toml", "/opt/workstation.toml")
    asked = ["--role-path", "/opt/roles", "--profile", "/opt/workstation.toml"]
    apply = [*program, "apply", "sample", *asked, "--json", "--yes"]
    slow = Slow(driver)
    there = box.execute(apply, user="demo")
    assert there.returncode == 1
    assert f"run {slow.run} (pid " in there.stdout
    assert slow.ended() == "done"
    driver.finish(slow.child)
    again = box.execute(apply, user="demo")
    assert (again.returncode, '"changed"' in again.stdout) == (0, False)

    box.succeed("rm -r /srv/run /run/gate")
    start = ["systemd-run", "--quiet", "--collect", "--unit=person", "--uid=demo", "--setenv=HOME=/home/demo"]
    before = set(journals(box))
    box.succeed([*start, *apply])
    run = newest(box, before)
    said = driver.apply()
    assert (said.code, f"run {run} (pid " in said.error["message"]) == (1, True)
    gate(box)
    assert whole(driver.run("attach", run).events)
    settled(driver)


def test_a_killed_executor(driver: Driver) -> None:
    slow = Slow(driver)
    driver.box.succeed(["kill", "-9", str(slow.events[0]["pid"])])
    said = driver.finish(slow.child)
    assert said.code == 1
    assert f"run {slow.run} ended without a word" in said.error["message"]
    assert "`provision apply`" in said.error["hint"]
    attached = driver.run("attach", slow.run)
    assert (attached.code, attached.error["message"]) == (1, said.error["message"])
    assert summary(driver, slow.run)["result"] == "killed"
    until(lambda: driver.box.execute("pgrep -f '^sh -c for i in'").returncode == 1)
    settled(driver)


def test_a_torn_journal(driver: Driver) -> None:
    slow = Slow(driver)
    driver.box.succeed(["kill", "-9", str(slow.events[0]["pid"])])
    driver.finish(slow.child)
    with (driver.box.root / "var/lib/provision/runs" / slow.run / "journal.jsonl").open("ab") as file:
        file.write(b'{"seq": 99, "time": 17')
    assert summary(driver, slow.run)["result"] == "killed"
    said = driver.run("attach", slow.run)
    assert said.code == 1
    assert "ended without a word" in said.error["message"]
    assert [event["seq"] for event in said.events] == list(range(1, len(said.events) + 1))
    (driver.box.root / "var/lib/provision/runs" / slow.run / "journal.jsonl").write_bytes(b"\xff garbage\n")
    assert summary(driver, slow.run)["result"] == "unreadable"
    assert driver.run("attach", slow.run).code == 1
    with undone(driver.box, f"rm -r /var/lib/provision/runs/{slow.run}"):
        settled(driver)


def test_a_run_that_fails(driver: Driver) -> None:
    driver.role("""
        yield File(path="/srv/first", content="1")
        yield Command(name="fails", argv=("sh", "-c", "echo because of this; exit 3"), creates="/srv/never")
        yield File(path="/srv/second", content="2")
    """)
    with undone(driver.box, "rm -f /srv/first /srv/second"):
        said = driver.apply()
        assert (said.code, said.ended, said.changed) == (1, "failed", ["file:/srv/first"])
        (failed,) = [event for event in said.events if event["event"] == "resource-failed"]
        assert failed["key"] == "command:fails"
        assert "because of this" in failed["evidence"]
        attached = driver.run("attach")
        assert (attached.code, attached.events) == (1, said.events)


def test_runs_that_are_not_there(driver: Driver) -> None:
    for name in ("20200101-000000-0000", "../../../etc", ".."):
        said = driver.run("attach", name)
        assert said.code == 3
        assert "no run" in said.error["message"]
