"""The controller's side of a session with one machine's agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from provision.agent.events import VERDICT, Event
from provision.agent.wire import Message
from provision.catalog import model as catalogs
from provision.catalog.model import Catalog
from provision.checks.model import Outcome, Verdict
from provision.errors import Exit, ProvisionError
from provision.facts import model as facts_model
from provision.facts.model import Facts
from provision.plan import model as plans
from provision.plan.model import Plan
from provision.run import payload
from provision.run.guess import Guess, wanted
from provision.transports.base import AskPassword, Channel, Transport, open_channel


class Session:
    """A conversation with the agent of one machine; a context manager."""

    def __init__(self, channel: Channel, facts: Facts, guessed: Catalog | None = None) -> None:
        self._channel = channel
        self._guessed = guessed
        """The catalog whose plan is under way already."""
        self.facts = facts
        self.enforced = False
        """Whether the kernel kept the last plan from writing."""

    def __enter__(self) -> Session:  # noqa: PYI034 - `Self` needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def guessed(self, catalog: Catalog) -> bool:
        """Whether the plan for `catalog` is under way already."""
        return self._guessed == catalog

    def plan(self, catalog: Catalog) -> Plan:
        """Return the machine's plan for `catalog`; raises what the agent found in the way."""
        guessed, self._guessed = self._guessed, None
        if guessed is not None and guessed != catalog:
            self._channel.receive()  # the plan of what the machine no longer is, or why there is none
        if guessed != catalog:
            self._channel.send(wanted(catalog))
        answer = self._answer("plan")
        self.enforced = answer["enforced"]
        return plans.load(answer["plan"])

    def go(self, plan: Plan, blobs: Mapping[str, bytes] = MappingProxyType({})) -> str:
        """Set the plan that was just shown going, detached from this connection; return the run's id, `next_event` follows."""
        lacking = {entry.diff.lacks for entry in plan.pending}
        sent = {name: data.hex() for name, data in blobs.items() if name in lacking}
        self._channel.send({"do": "go", "digest": plan.digest, "blobs": sent, "modules": payload.packed(payload.for_apply())})
        return self._started()

    def attach(self, run: str, after: int = 0) -> str:
        """Follow a run by its id (empty: the newest) from event `after` on; return its id, `next_event` follows."""
        self._channel.send({"do": "attach", "run": run, "after": after})
        return self._started()

    def stop(self) -> None:
        """Ask the run being followed to end after the resource it is at."""
        self._channel.send({"do": "stop"})

    def runs(self) -> list[dict[str, Any]]:
        """Return a summary of each run on the machine, oldest first."""
        self._channel.send({"do": "runs"})
        found: list[dict[str, Any]] = self._answer("runs")["runs"]
        return found

    def check(self, show: Callable[[Event], None]) -> tuple[Verdict, ...]:
        """Run all checks of the last catalog that was planned; return their verdicts."""
        self._channel.send({"do": "check"})
        verdicts = []
        while (event := self.next_event()) is not None:
            show(event)
            if event["event"] == VERDICT:
                verdicts.append(verdict_of(event))
        return tuple(verdicts)

    def solve(self, catalog: Catalog, names: Sequence[str], show: Callable[[Event], None]) -> None:
        """Solve the environments `names` of `catalog` anew, and change nothing; `show` gets what a run would say of it."""
        modules = payload.for_solve(entry.resource.kind for entry in catalog.entries)
        raw = catalogs.dump(catalog, redact=False)
        self._channel.send({"do": "solve", "catalog": raw, "names": list(names), "modules": payload.packed(modules)})
        while (event := self.next_event()) is not None:
            show(event)

    def next_event(self) -> Event | None:
        """Return the next event of the run being followed, `None` after its last."""
        message = self._any()
        event: Event | None = message["event"] if message["type"] == "event" else None
        return event

    def _started(self) -> str:
        run: str = self._answer("started")["run"]
        return run

    def _answer(self, kind: str) -> Message:
        message = self._any()
        if message["type"] != kind:
            raise ProvisionError(f"the agent answered `{message['type']}` where `{kind}` was due")
        return message

    def _any(self) -> Message:
        message = self._channel.receive()
        if message["type"] == "error":
            raise ProvisionError(
                message["message"], hint=message["hint"], evidence=message["evidence"], exit=Exit(message["exit"])
            )
        return message


def verdict_of(event: Event) -> Verdict:
    """Return the verdict an event carries."""
    names = ("role", "name", "evidence", "hint", "seconds")
    return Verdict(outcome=Outcome(event["outcome"]), **{name: event[name] for name in names})


def open_session(transport: Transport, *, sudo: bool, password: str, ask: AskPassword, guess: Guess | None = None) -> Session:
    """Start the agent on a machine and return the session, which is planning `guess` already; raises `UnreachableError`."""
    channel, first = open_channel(
        transport,
        command=payload.COMMAND,
        stage1=payload.stage1(),
        agent=payload.agent(),
        sudo=sudo,
        password=password,
        ask=ask,
        early=guess.message if guess is not None else None,
    )
    if first["type"] != "facts":
        channel.close()
        raise ProvisionError(f"{transport.name}: the agent said `{first['type']}` first")
    return Session(channel, facts_model.load(first["facts"]), guess.get() if guess is not None else None)
