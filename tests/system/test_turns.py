"""What a slow link costs: turns do not grow with resources, and the agent stays small."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.delay_proxy import DelayProxy
from provision.box.box import Box
from provision.run import payload
from tests.system.driving import Driver, Said, undone, users
from tests.system.terminal import terminal
from tests.system.watching import Watch

pytestmark = pytest.mark.box

MOST = 12
CONFIRMED = 2
"""How many more a plan that is confirmed and applied may cost; its events only come down."""
PEAK = 40 << 10
"""KiB."""
PASSWORD = "a long password"  # noqa: S105 - of a user in a box that is thrown away


def files(count: int, content: str = "x") -> str:
    """Return a role of `count` resources: directories with ten files each."""
    return f"""
        for number in range({count}):
            if number % 10 == 0:
                folder = f"/srv/many/{{number}}"
                yield Directory(path=folder)
            else:
                yield File(path=f"{{folder}}/file-{{number}}", content="{content} {{number}}\\n".format(number=number) * 20)
    """


@pytest.fixture(scope="module")
def proxy(box: Box) -> Iterator[DelayProxy]:
    users(box, "asked", password=PASSWORD, rules=["asked ALL=(ALL:ALL) ALL"])
    with DelayProxy(box.port) as made:
        yield made


@pytest.fixture
def driver(box: Box, proxy: DelayProxy, tmp_path: Path) -> Iterator[Driver]:
    with undone(box, "rm -rf /srv/many"):
        yield Driver(box, tmp_path, port=proxy.port)


def no_op(driver: Driver, proxy: DelayProxy, *words: str, stdin: str = "") -> int:
    """Return the turns of an apply that finds everything in order."""
    proxy.reset()
    said = driver.apply("sample", *words, stdin=stdin)
    assert (said.code, said.pending) == (0, {})
    assert proxy.connections == 1
    return proxy.turns


def test_a_no_op_costs_the_same_however_many_resources(driver: Driver, proxy: DelayProxy) -> None:
    turns = {}
    for count in (20, 200):
        driver.role(files(count))
        assert driver.apply().code == 0
        turns[count] = min(no_op(driver, proxy) for _ in range(2))
    assert max(turns.values()) <= MOST, turns  # how TCP cuts an answer may cost one or two, 180 resources cost none


def test_a_sudo_password_known_first_costs_nothing(driver: Driver, proxy: DelayProxy) -> None:
    driver.role(files(20))
    assert driver.apply().code == 0
    without = no_op(driver, proxy)
    driver.user = "asked"
    driver.configure()
    driver.box.succeed(["sudo", "-k"], user="asked")
    assert no_op(driver, proxy, "--sudo-password-stdin", stdin=f"{PASSWORD}\n") <= without <= MOST


def test_plan_confirm_and_apply(driver: Driver, proxy: DelayProxy) -> None:
    for count in (20, 200):
        driver.role(files(count))
        proxy.reset()
        said = driver.apply()
        assert (said.code, len(said.changed)) == (0, count)
        assert proxy.turns <= MOST + CONFIRMED
        driver.box.succeed("rm -rf /srv/many")


def test_a_person_who_confirms(driver: Driver, proxy: DelayProxy) -> None:
    driver.role(files(20))
    proxy.reset()
    person = terminal(driver, "apply")
    person.wait_for("[y/N]")
    person.type("y\n")
    assert person.end() == 0, person.text
    assert proxy.turns <= MOST + CONFIRMED


def test_turns_are_counted(driver: Driver, proxy: DelayProxy) -> None:
    """A client that waits for each answer costs a turn each: the counter itself works."""
    proxy.reset()
    subprocess.run(["ssh", "-F", driver.ssh_config, driver.box.name, "true"], check=True, timeout=30)
    bare = proxy.turns
    proxy.reset()
    questions = 'for n in 1 2 3 4 5; do echo "$n"; read -r answer; done'
    with subprocess.Popen(
        ["ssh", "-F", driver.ssh_config, driver.box.name, questions], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin
        assert child.stdout
        for line in child.stdout:
            child.stdin.write(line)
            child.stdin.flush()
    assert 4 <= proxy.turns - bare <= 7


def peaks(driver: Driver, said: list[Said]) -> dict[str, int]:
    """Apply, and return the peak memory (KiB) of each kind of process the agent had."""
    with Watch(driver.box) as watch:
        said.append(driver.apply())
    found: dict[str, int] = {}
    for pid, peak in watch.peaks.items():
        words = watch.words[pid]
        if b"'ENTRY':'executor'" in words:
            kind = "executor"
        elif b"provision-root-up" in words:
            kind = "planner" if b"provision-root-up" in watch.words.get(watch.parents[pid], b"") else "session"
        elif b"os.read(0,1)" in words:
            kind = "stage 1"
        else:
            continue
        found[kind] = max(found.get(kind, 0), peak)
    return found


def test_peak_memory(driver: Driver) -> None:
    driver.role(files(200))
    driver.port = 0
    driver.configure()
    said: list[Said] = []
    first = peaks(driver, said)
    assert (said[0].code, len(said[0].changed)) == (0, 200)
    assert set(first) == {"stage 1", "session", "planner", "executor"}
    assert max(first.values()) < PEAK, first
    driver.role(files(200, content="y" * 100))  # 2 KB each
    again = peaks(driver, said)
    assert len(said[1].changed) == 180
    assert max(again.values()) < PEAK, again


def test_the_agent_is_small() -> None:
    assert len(payload.agent()) < 64 << 10
    assert len(payload.stage1()) < 4 << 10
