"""A run that waits in the middle for the test, and what the box has written down of its runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

from provision.box.box import Box
from tests.system.driving import Driver, until

SLOW = """
yield Directory(path="/srv/run")
yield File(path="/srv/run/first", content="1\\n")
# At most 30 s, until the test opens the gate.
waits = "for i in $(seq 300); do test -e /run/gate && break; sleep 0.1; done; touch /srv/run/slept"
yield Command(name="slow", argv=("sh", "-c", waits), creates="/srv/run/slept")
yield File(path="/srv/run/second", content="2\\n")
"""
KEYS = ["directory:/srv/run", "file:/srv/run/first", "command:slow", "file:/srv/run/second"]


def journals(box: Box) -> dict[str, list[dict[str, Any]]]:
    """The events of all runs on the box, by id, oldest first."""
    folder = box.root / "var/lib/provision/runs"
    found = sorted(folder.glob("*/journal.jsonl")) if folder.is_dir() else []
    return {path.parent.name: [json.loads(line) for line in path.read_bytes().splitlines()] for path in found}


def newest(box: Box, before: set[str]) -> str:
    """Return the run that was not there `before`, once it says something."""
    return str(until(lambda: [run for run, events in journals(box).items() if run not in before and events])[0])


def gate(box: Box) -> None:
    box.succeed(["touch", "/run/gate"])


class Slow:
    """A run that has come to its slow command and waits for the gate, and the controller that started it."""

    def __init__(self, driver: Driver, launch: Callable[[], subprocess.Popen[str]] | None = None) -> None:
        self.box = driver.box
        before = set(journals(self.box))
        self.child = launch() if launch else driver.start("apply", "sample")
        self.run = newest(self.box, before)
        until(lambda: self.at("command:slow"))

    @property
    def events(self) -> list[dict[str, Any]]:
        return journals(self.box)[self.run]

    def at(self, key: str) -> bool:
        return any(event["event"] == "resource-started" and event["key"] == key for event in self.events)

    def kill(self) -> None:
        """Kill the controller."""
        self.child.kill()
        self.child.communicate()

    def ended(self) -> str:
        """Open the gate, wait for the end, and return how the run ended."""
        gate(self.box)
        until(lambda: self.events[-1]["event"] == "run-ended")
        return str(self.events[-1]["result"])


def nobody_is_left(box: Box) -> None:
    """Wait until no agent serves a session any more."""
    until(lambda: b"provision-root-up" not in b"".join(words(box)))


def words(box: Box) -> Iterator[bytes]:
    for pid in box.succeed("ls /proc").split():
        if pid.isdigit():
            try:
                yield (box.root / "proc" / pid / "cmdline").read_bytes()
            except OSError:
                continue


def whole(events: list[dict[str, Any]]) -> bool:
    """Whether `events` are all of a run that was done."""
    numbers = [event["seq"] for event in events]
    done = [event["key"] for event in events if event["event"] == "resource-done"]
    return numbers == list(range(1, len(events) + 1)) and done == KEYS and events[-1].get("result") == "done"
