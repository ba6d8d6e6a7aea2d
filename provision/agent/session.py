"""The agent's side of a session: answers the controller's messages until it says goodbye or is gone.

Facts were sent unasked, at once (`entry`). Each message `{"do": …}` has one answer or a stream that ends:

| do | answer |
| --- | --- |
| `plan` (`catalog`, `modules`) | `plan` |
| `go` (`digest`, `blobs`, `modules`) | `started`, `event`…, `ended` |
| `check` | `event`…, `checked` |
| `solve` (`catalog`, `names`, `modules`) | `event`…, `solved` |
| `attach` (`run`, `after`) | `started`, `event`…, `ended` |
| `runs` | `runs` |
| `stop` (while following) | the run ends after the resource it is at |
| `bye` | none |

An `error` may stand in for any answer. Planning happens in a child whose file system the kernel has made read-only.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from provision.agent import journal, runs
from provision.agent.events import CHECK_STARTED, VERDICT, Event
from provision.agent.planner import make_plan, unit_names
from provision.agent.reader import MachineReader
from provision.agent.readonly import make_read_only
from provision.agent.wire import Message, Wire
from provision.catalog import model as catalogs
from provision.errors import InputError, ProvisionError
from provision.plan import model as plans

STARTING = 15.0
"""Seconds a run may take from being spawned to its first event."""


def _plan_in_child(raw: dict[str, Any], *, privileged: bool) -> bytes:
    """Return the plan as JSON, made by a child that cannot write: the kernel has its whole file system read-only."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(json.dumps(_plan(raw, privileged=privileged)).encode())
            status = 0
        finally:  # whatever happens, the child never goes on with its parent's conversation
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(pid, 0)
    if status or not data:
        raise ProvisionError("the planner ended without an answer", evidence=f"wait status {status}")
    return data


def _plan(raw: dict[str, Any], *, privileged: bool) -> Message:
    try:
        enforced = make_read_only()
        catalog = catalogs.load(raw)
        space = os.statvfs("/")
        host = MachineReader(units=unit_names(catalog))
        plan = make_plan(catalog, host, privileged=privileged, free_bytes=space.f_bavail * space.f_frsize)
        return {"type": "plan", "plan": plans.dump(plan), "enforced": enforced}
    except ProvisionError as error:
        return _error(error)
    except Exception as error:  # noqa: BLE001 - the controller must hear of it
        return _error(ProvisionError(f"internal error while planning: {error!r}", evidence=_trace()))


def _trace() -> str:
    import traceback

    return traceback.format_exc()


def _error(error: ProvisionError) -> Message:
    return {"type": "error", "message": error.message, "hint": error.hint, "evidence": error.evidence, "exit": int(error.exit)}


def _redacted(raw: dict[str, Any]) -> dict[str, Any]:
    return catalogs.dump(catalogs.load(raw))


class Session:
    """One conversation with a controller."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._privileged = os.geteuid() == 0
        self._catalog: dict[str, Any] = {}
        self._plan: dict[str, Any] = {}

    def serve(self) -> None:
        """Answer until the other side is done."""
        answers: dict[str, Callable[[Message], None]] = {
            "plan": self._do_plan,
            "go": self._do_go,
            "check": self._do_check,
            "solve": self._do_solve,
            "attach": self._do_attach,
            "runs": self._do_runs,
            "stop": lambda _: None,
        }
        while (message := self._wire.receive()) is not None and message["do"] != "bye":
            try:
                answers[message["do"]](message)
            except BrokenPipeError:
                raise
            except ProvisionError as error:
                self._wire.send(_error(error))
            except OSError as error:
                self._wire.send(_error(ProvisionError(f"the machine refused: {error}", evidence=_trace())))
            except Exception as error:  # noqa: BLE001 - the controller must hear of it
                self._wire.send(_error(ProvisionError(f"internal error in the agent: {error!r}", evidence=_trace())))

    def _do_plan(self, message: Message) -> None:
        _memory().add(message["modules"])
        self._catalog = message["catalog"]
        data = _plan_in_child(self._catalog, privileged=self._privileged)
        answer = json.loads(data)
        self._plan = answer.get("plan", {})
        self._wire.send(answer)

    def _do_go(self, message: Message) -> None:
        if not self._plan or message["digest"] != self._plan["digest"]:
            raise ProvisionError("the plan to apply is not the plan that was shown", hint="`provision plan`")
        self._prepare(message)
        orders = {"catalog": self._catalog, "plan": self._plan, "blobs": message["blobs"]}
        run = runs.create(orders=orders, redacted=_redacted(self._catalog), plan=self._plan, agent=_memory().pack())
        runs.spawn(run)
        self._follow(run, 0)

    def _do_solve(self, message: Message) -> None:
        self._prepare(message)
        solving = importlib.import_module("provision.agent.solving")  # by its name: it travels only with this message
        solving.solve(catalogs.load(message["catalog"]), message["names"], self._event)
        self._wire.send({"type": "solved"})

    def _prepare(self, message: Message) -> None:
        """Take the modules of `message`; raises `ProvisionError` without root, or while a run is at work."""
        if not self._privileged:
            raise InputError("changing this machine needs root", hint="run as a user who may use sudo")
        _memory().add(message["modules"])
        runs.Lock().check()

    def _do_attach(self, message: Message) -> None:
        self._follow(runs.find(message["run"]), message["after"])

    def _do_runs(self, _message: Message) -> None:
        self._wire.send({"type": "runs", "runs": [runs.summary(runs.Run(name)) for name in runs.names()]})

    def _do_check(self, _message: Message) -> None:
        from provision.agent.probes import run_check

        host = MachineReader()
        catalog = catalogs.load(self._catalog)
        for number, item in enumerate(catalog.checks):
            self._event({"seq": number, "event": CHECK_STARTED, "role": item.role, "name": item.check.name})
            verdict = run_check(item.role, item.check, host, catalog.secrets)
            self._event({"seq": number, "event": VERDICT, **asdict(verdict)})
        self._wire.send({"type": "checked"})

    def _event(self, event: Event) -> None:
        self._wire.send({"type": "event", "event": event})

    def _follow(self, run: runs.Run, after: int) -> None:
        """Send a run's events as they come; `stop` asks the run to end, anything else or silence leaves it alone."""
        self._wire.send({"type": "started", "run": run.id})
        last: Event = {}
        for event in self._events(run, after):
            self._event(event)
            last = event
        self._wire.send({"type": "ended", "run": run.id, "alive": run.alive(), "last": last.get("event", "")})

    def _events(self, run: runs.Run, after: int) -> Iterator[Event]:
        import time

        began = time.monotonic()

        def alive() -> bool:
            starting = os.path.getsize(run.journal) == 0 and time.monotonic() - began < STARTING
            return starting or run.alive()

        def pause(seconds: float) -> bool:
            if not select.select([self._wire.reading], [], [], seconds)[0]:
                return False
            message = self._wire.receive()
            if message is not None and message["do"] == "stop":
                if run.alive():
                    os.kill(run.pid(), signal.SIGTERM)
                return False
            return True

        return journal.follow(run.journal, after=after, alive=alive, pause=pause)


def _memory() -> Any:  # noqa: ANN401 - the class is part of the loader's text (`provision/run/payload.py`)
    """Return the finder this module was imported by; it holds the agent's modules."""
    return __spec__.loader
