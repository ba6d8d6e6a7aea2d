"""Becoming root on a machine: every kind of sudo, every kind of login, and the password is nowhere afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.box.box import Box
from tests.system.driving import Driver, cursor, log, undone, users
from tests.system.terminal import terminal
from tests.system.watching import Watch

pytestmark = pytest.mark.box

PASSWORD = "canary-Zk3 $'\"\\é"  # noqa: S105 - of users in a box that is thrown away
STDIN = "--sudo-password-stdin"
SAMPLE = 'yield File(path="/etc/sample", content="made\\n", mode=0o640)'


@pytest.fixture(scope="module")
def people(box: Box) -> Box:
    """Users whose names say how sudo treats them."""
    users(box, "asked", password=PASSWORD, rules=["asked ALL=(ALL:ALL) ALL"])
    users(box, "stranger", password=PASSWORD)
    users(box, "bytty", password=PASSWORD, rules=["Defaults:bytty requiretty", "bytty ALL=(ALL:ALL) ALL"])
    users(box, "bypty", password=PASSWORD, rules=["Defaults:bypty use_pty", "bypty ALL=(ALL:ALL) ALL"])
    users(box, "nopty", password=PASSWORD, rules=["Defaults:nopty !use_pty", "nopty ALL=(ALL:ALL) ALL"])
    users(box, "ticket", password=PASSWORD, rules=["Defaults:ticket timestamp_type=global", "ticket ALL=(ALL:ALL) ALL"])
    users(box, "once", password=PASSWORD, rules=["Defaults:once passwd_tries=1", "once ALL=(ALL:ALL) ALL"])
    users(box, "limited", password=PASSWORD, rules=["limited ALL=(ALL:ALL) /usr/bin/true"])
    return box


@pytest.fixture
def driver(people: Box, tmp_path: Path) -> Iterator[Driver]:
    made = Driver(people, tmp_path)
    made.role(SAMPLE)
    with undone(people, "rm -f /etc/sample"):
        yield made


def become(driver: Driver, user: str) -> Driver:
    """Log in as `user`, whose tickets are forgotten."""
    driver.user = user
    driver.configure()
    driver.box.succeed(["sudo", "-k"], user=user)
    return driver


def made(driver: Driver) -> bool:
    return driver.box.execute(["stat", "--format=%a %U", "/etc/sample"]).stdout == "640 root\n"


def test_without_a_password(driver: Driver) -> None:
    said = become(driver, "demo").apply()
    assert (said.code, said.changed) == (0, ["file:/etc/sample"])
    assert made(driver)


@pytest.mark.parametrize("user", ["asked", "bytty", "bypty", "nopty", "ticket", "once"])
def test_a_password_known_first(driver: Driver, user: str) -> None:
    assert become(driver, user).apply("sample", STDIN, stdin=f"{PASSWORD}\n").code == 0
    assert made(driver)


def failures(text: str) -> int:
    return text.count("authentication failure")


@pytest.mark.parametrize("user", ["asked", "once"])
def test_a_wrong_password_is_tried_once(driver: Driver, user: str) -> None:
    become(driver, user)
    since = cursor(driver.box)
    said = driver.apply("sample", STDIN, stdin="wrong-canary\n")
    assert said.code == 4
    assert said.error["message"].endswith("the sudo password is wrong")
    assert "wrong-canary" not in said.stdout + said.stderr
    assert not made(driver)
    text = log(driver.box, since, " sudo[")
    assert failures(text) == 1
    assert "1 incorrect password attempt" in text


def test_no_password_and_nobody_to_ask(driver: Driver) -> None:
    become(driver, "asked")
    since = cursor(driver.box)
    said = driver.apply()
    assert said.code == 4
    assert "nobody to ask" in said.error["message"]
    assert STDIN in said.error["hint"]
    assert failures(log(driver.box, since, " sudo[")) == 0
    assert not made(driver)


@pytest.mark.parametrize("user", ["stranger", "limited"])
def test_who_may_not_become_root(driver: Driver, user: str) -> None:
    said = become(driver, user).apply("sample", STDIN, stdin=f"{PASSWORD}\n")
    assert said.code == 4
    assert "does not let this user become root" in said.error["message"]
    assert user in said.error["evidence"]
    assert PASSWORD not in said.stdout
    assert not made(driver)


def test_a_valid_ticket_is_used_and_the_password_reaches_no_child(driver: Driver) -> None:
    become(driver, "ticket")
    driver.role('yield Command(name="what stdin holds", argv=("sh", "-c", "cat > /etc/sample"), creates="/etc/sample")')
    driver.box.succeed(["sudo", "-S", "-p", "", "-v"], user="ticket", stdin=f"{PASSWORD}\n")
    driver.box.succeed(["sudo", "-n", "true"], user="ticket")
    since = cursor(driver.box)
    assert driver.apply().code == 0, "nobody is asked"
    assert driver.box.succeed(["cat", "/etc/sample"]) == ""
    driver.box.succeed(["rm", "/etc/sample"])
    assert driver.apply("sample", STDIN, stdin=f"{PASSWORD}\n").code == 0, "a password that is not needed"
    assert driver.box.succeed(["cat", "/etc/sample"]) == ""
    assert failures(log(driver.box, since, " sudo[")) == 0


def test_asked_on_a_terminal(driver: Driver) -> None:
    person = terminal(become(driver, "asked"), "apply")
    person.wait_for("sudo password for ")
    person.type(f"{PASSWORD}\n")
    person.wait_for("[y/N]")
    person.type("y\n")
    assert person.end() == 0, person.text
    assert person.text.count("sudo password for ") == 1
    assert "canary" not in person.text, "typed without an echo"
    assert made(driver)


def test_a_wrong_password_on_a_terminal_ends_it(driver: Driver) -> None:
    become(driver, "asked")
    since = cursor(driver.box)
    person = terminal(driver, "apply")
    person.wait_for("sudo password for ")
    person.type("wrong-canary\n")
    assert person.end() == 4, person.text
    assert person.text.count("sudo password for ") == 1
    assert person.text.count("error: ") == 1
    assert "wrong-canary" not in person.text
    assert failures(log(driver.box, since, " sudo[")) == 1


def test_the_password_is_nowhere(driver: Driver) -> None:
    become(driver, "asked")
    driver.role("""
        yield File(path="/etc/sample", content="made\\n", mode=0o640)
        yield Command(name="slow", argv=("sh", "-c", "sleep 0.3; touch /run/slow"), creates="/run/slow")
        yield Check(name="waits", proves="it does", probe=Probe(argv=("/usr/bin/sleep", "0.2")))
    """)
    with Watch(driver.box, canary="canary-Zk3") as watch:
        child = driver.start("apply", "sample", STDIN)
        watch.add(child.pid)
        said = driver.finish(child, f"{PASSWORD}\n")
    assert said.code == 0
    assert watch.looks > 30
    assert watch.leaks == set()
    assert "canary" not in said.stdout + said.stderr
    assert "canary" not in everything(driver.box)
    assert hits(driver.box, "canary-Zk3") == ""


def everything(box: Box) -> str:
    """Return all of the box's journal, with every field."""
    box.succeed(["journalctl", "--sync"])
    return box.succeed(["journalctl", "--no-pager", "--output=export", "--all"])


def hits(box: Box, canary: str) -> str:
    """Return the files of the box that hold `canary`."""
    places = "/var /run /tmp /etc /home /root /dev/shm"
    return box.execute(f"grep --recursive --files-with-matches --devices=skip --fixed-strings '{canary}' {places}").stdout


def test_a_leak_would_be_seen(people: Box) -> None:
    with Watch(people, canary="canary-Zk3") as watch:
        people.succeed(["env", "A=canary-Zk3", "sleep", "0.2"])
        people.succeed(["sh", "-c", "sleep 0.2; : canary-Zk3"])
    assert {leak.split(" of ")[0] for leak in watch.leaks} == {"cmdline", "environ"}
    with undone(people, "rm /run/leak"):
        people.succeed("echo canary-Zk3 > /run/leak")
        assert hits(people, "canary-Zk3") == "/run/leak\n"
