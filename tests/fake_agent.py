"""A machine whose agent is in this process: it speaks the protocol, and what it answers is said beforehand."""

from __future__ import annotations

import json
import queue
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from provision.agent import events
from provision.agent.events import Event
from provision.agent.stage1 import EARLY, SUDO
from provision.agent.wire import MAGIC, Message, pack
from provision.errors import ProvisionError, UnreachableError
from provision.facts import model as facts_model
from provision.facts.model import Facts
from provision.plan import model as plans
from provision.plan.model import Change, Diff, Plan, PlanEntry, differs, same

WAIT: Event = {"event": "(until told to stop)"}
"""Among `events`: what follows comes once the controller says `stop`."""
LOST: Event = {"event": "(the link is lost)"}
"""Among `events`: nothing follows."""


def event(name: str, /, **fields: Any) -> Event:  # noqa: ANN401 - JSON values
    """Return one event."""
    return {"seq": 1, "time": 1_800_000_000.0, "event": name, **fields}


def ended(result: str = "done", **fields: Any) -> Event:  # noqa: ANN401 - JSON values
    """Return a run's last event."""
    return event(events.RUN_ENDED, **{"result": result, "changed": 1, "seconds": 1.0, "message": "", **fields})


def verdict(name: str, outcome: str = "passed", **fields: Any) -> Event:  # noqa: ANN401 - JSON values
    """Return what a check found."""
    more = {"role": "base", "evidence": "", "hint": "", "seconds": 0.1, **fields}
    return event(events.VERDICT, name=name, outcome=outcome, **more)


STARTED = event(events.RUN_STARTED, run="r1", pid=7, total=1)


@dataclass
class FakeMachine:
    """Implements `Transport`. `pending` tells whether a resource, by its key, would change; `heard` is what was asked."""

    name: str
    facts: Facts
    pending: Callable[[str], bool] = lambda _key: True
    events: tuple[Event, ...] = (STARTED, ended())
    verdicts: tuple[Event, ...] = (verdict("works"),)
    runs: tuple[dict[str, Any], ...] = ()
    solving: Callable[[str, str], tuple[Event, ...]] = lambda _name, _key: ()
    """What is said when an environment, by its name and key, is solved."""
    asks_for: str = ""
    """The password that sudo wants, if it wants one."""
    unreachable: str = ""
    first: Message | None = None
    """Said in place of the facts."""
    errors: dict[str, ProvisionError] = field(default_factory=dict)
    """The answer to a message, by its `do`."""
    heard: list[Message] = field(default_factory=list)
    streams: list[FakeStream] = field(default_factory=list)
    remote: bool = True

    def start(self, _command: str) -> FakeStream:
        """Begin one session."""
        if self.unreachable:
            raise UnreachableError(self.unreachable, hint="is it on?")
        self.streams.append(FakeStream(self))
        return self.streams[-1]

    @property
    def asked(self) -> list[str]:
        """The messages it got, by name."""
        return [message["do"] for message in self.heard]


class FakeStream:
    """One session's bytes: what the controller writes is answered at once."""

    def __init__(self, machine: FakeMachine) -> None:
        self._machine = machine
        self._in = bytearray()
        self._out: queue.Queue[bytes] = queue.Queue()
        self._stage = "stage1"
        self._plan: Plan | None = None
        self._held = b""
        self._after_stop: list[Message] = []
        self.header: dict[str, Any] = {}
        self.closed = False

    def write(self, data: bytes) -> None:
        """Take bytes, and answer what is whole."""
        if self.closed:
            raise BrokenPipeError
        self._in += data
        while self._step():
            pass

    def read(self, _count: int) -> bytes:
        """Return the next answer; fails after a while where none can come."""
        return self._out.get(timeout=20)

    def epilogue(self) -> str:
        """Return nothing: it never complains."""
        return ""

    def close(self) -> None:
        """End it."""
        self.closed = True
        self._out.put(b"")

    def _say(self, *messages: Message) -> None:
        for message in messages:
            self._out.put(b"" if message is LOST else pack(message))

    def _piece(self) -> bytes | None:
        if len(self._in) < 4:
            return None
        (length,) = struct.unpack_from(">I", self._in)
        if len(self._in) < 4 + length:
            return None
        piece = bytes(self._in[4 : 4 + length])
        del self._in[: 4 + length]
        return piece

    def _step(self) -> bool:
        if self._stage == "stage1":
            line, newline, rest = bytes(self._in).partition(b"\n")
            if newline:
                self._in, self._stage = bytearray(rest), "header"
            return bool(newline and line)
        piece = self._piece()
        if piece is None:
            return False
        if self._stage == "header":
            self.header = {"sudo": bool(piece[0] & SUDO), "early": bool(piece[0] & EARLY), "password": piece[1:].decode()}
            self._stage = "agent"
        elif self._stage == "agent":
            self._out.put(b"Welcome\n" + MAGIC)
            self._let_in(self.header["password"])
        elif self._stage == "password" and self.header.get("early") and not self._held:
            self._held = piece  # what was sent unasked comes before the password
        elif self._stage == "password":
            self._let_in(piece.decode() or "(none)")
        else:
            self._hear(json.loads(piece))
        return True

    def _let_in(self, password: str) -> None:
        machine = self._machine
        if machine.asks_for and not password:
            self._stage = "password"
            self._say({"type": "password-wanted"})
            return
        self._stage = "messages"
        if machine.asks_for not in {"", password}:
            why = {"(none)": "password-needed"}.get(password, "wrong-password")
            self._say({"type": "refused", "why": why, "text": "Sorry, try again."})
        else:
            self._say(machine.first or {"type": "facts", "facts": facts_model.dump(machine.facts)})
            if self._held:
                self._hear(json.loads(self._held))

    def _hear(self, message: Message) -> None:
        self._machine.heard.append(message)
        error = self._machine.errors.get(message["do"])
        if error is not None:
            about = {"message": error.message, "hint": error.hint, "evidence": error.evidence, "exit": int(error.exit)}
            self._say({"type": "error", **about})
        elif message["do"] == "plan":
            self._plan = self._made(message["catalog"])
            self._say({"type": "plan", "plan": plans.dump(self._plan), "enforced": True})
        elif message["do"] in {"go", "attach"}:
            assert message["do"] == "attach" or (self._plan and message["digest"] == self._plan.digest)
            self._run([{"type": "started", "run": message.get("run") or "r1"}, *map(_told, self._machine.events), _END])
        elif message["do"] == "check":
            self._say(*map(_told, self._machine.verdicts), {"type": "checked"})
        elif message["do"] == "solve":
            self._say(*map(_told, self._solved(message)), {"type": "solved"})
        elif message["do"] == "runs":
            self._say({"type": "runs", "runs": list(self._machine.runs)})
        elif message["do"] == "stop":
            self._run(self._after_stop)

    def _run(self, messages: list[Message]) -> None:
        for index, message in enumerate(messages):
            if message is WAIT:
                self._after_stop = messages[index + 1 :]
                return
            self._say(message)

    def _made(self, catalog: dict[str, Any]) -> Plan:
        from provision.catalog.model import load  # noqa: PLC0415 - only where a plan is asked for

        entries = load(catalog).entries
        return Plan(entries=tuple(self._entry(entry.role, entry.resource) for entry in entries), free_bytes=1 << 34)

    def _solved(self, message: Message) -> list[Event]:
        entries = [entry["resource"] for entry in message["catalog"]["entries"]]
        named = [(raw["name"], f"{raw['kind']}:{raw['name']}") for raw in entries]
        assert not any(raw.get("lock") for raw in entries), "what has a lock is not solved anew"
        return [told for name, key in named if name in message["names"] for told in self._machine.solving(name, key)]

    def _entry(self, role: str, resource: Any) -> PlanEntry:  # noqa: ANN401 - a resource of any kind
        would = self._machine.pending(resource.key)
        diff: Diff = differs(Change(field="content", before="absent", after="new")) if would else same("it is so")
        return PlanEntry(key=resource.key, role=role, kind=resource.kind, title=resource.title, diff=diff)


_END: Message = {"type": "ended", "run": "r1", "alive": False, "last": ""}


def _told(said: Event) -> Message:
    return said if said is WAIT or said is LOST else {"type": "event", "event": said}


def several(facts: Facts, *names: str) -> list[FakeMachine]:
    """Return machines that differ by their names only."""
    return [FakeMachine(name, replace(facts, hostname=name)) for name in names]
