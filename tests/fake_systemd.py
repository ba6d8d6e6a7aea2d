"""What systemctl does to the units of a `FakeHost`."""

from __future__ import annotations

import dataclasses

from provision.agent.host import UnitState
from provision.agent.steps import Run
from tests.fake_host import FakeHost

FOLDER = "/etc/systemd/system"


class Systemd:
    """Answers `systemctl VERB [UNIT]`; units in `fails` go to failed when they are started, `static` ones are not enabled."""

    def __init__(self, host: FakeHost) -> None:
        self.fails: set[str] = set()
        self.static: set[str] = set()
        self.verbs: list[str] = []
        host.on(("systemctl",), self.run)
        host.put_directory("/run/systemd/system")

    def run(self, step: Run, host: FakeHost) -> int:
        verb, name = step.argv[1], (step.argv[2] if len(step.argv) > 2 else "")
        self.verbs.append(verb)
        if verb == "daemon-reload":
            self._reload(host)
            return 0
        before = host.units.get(name, UnitState(load="not-found", active="inactive", file=""))
        if verb in {"start", "restart", "enable"} and before.load != "loaded":
            return 5
        host.units[name] = self._after(verb, name, before, host.now // 1000)
        return 0

    def _after(self, verb: str, name: str, before: UnitState, now_us: int) -> UnitState:
        if verb in {"start", "restart", "try-restart"}:
            failed = name in self.fails
            active, started = ("failed", 0) if failed else ("active", now_us)
            return dataclasses.replace(before, active=active, started_us=started)
        if verb in {"stop", "reset-failed"}:
            return dataclasses.replace(before, active="inactive", started_us=0)
        if verb == "mask":
            return dataclasses.replace(before, load="masked", file="masked")
        if verb == "unmask":
            return dataclasses.replace(before, load="loaded", file="disabled")
        file = "static" if name in self.static else f"{verb}d"
        return dataclasses.replace(before, file=file)

    def _reload(self, host: FakeHost) -> None:
        for name, state in host.units.items():
            host.units[name] = dataclasses.replace(state, needs_reload=False)
        for name in host.listdir(FOLDER) or ():
            if name.endswith((".service", ".slice", ".socket", ".timer")) and host.unit(name).load == "not-found":
                host.units[name] = UnitState(load="loaded", active="inactive", file="disabled")
