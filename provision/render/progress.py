"""What a run is doing, as a frozen value made from its events, and that value as lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from provision.agent import events
from provision.render.entry import kind_name, title_of
from provision.render.line import Line, Span, cells, pad, width_of
from provision.render.measure import count, duration, elapsed, size
from provision.render.page import NARROW, Page, Part
from provision.render.plan import LEFT

KIND = 11
"""Cells of the kind's column."""
MOST_WORK = 4
"""Resources shown at once of one host: adjacent apt work is one transaction."""
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


@dataclass(frozen=True, kw_only=True)
class Work:
    """A resource that is being changed; `since` is the agent's clock, `done` and `total` are bytes."""

    key: str
    role: str
    title: str
    since: float
    says: str = ""
    fraction: float | None = None
    done: int | None = None
    total: int | None = None


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A resource that is done, `result` as in the event (`failed` for one that failed)."""

    key: str
    role: str
    title: str
    result: str
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class HostRun:
    """One host's run so far; `clock` is the agent's time of its last event."""

    run: str = ""
    total: int = 0
    started: float = 0.0
    clock: float = 0.0
    work: Mapping[str, Work] = field(default_factory=dict)
    finished: tuple[Finished, ...] = ()
    checking: str = ""
    ended: str = ""


def advance(run: HostRun, event: events.Event) -> HostRun:
    """Return what `run` is after `event`; events it does not know change nothing but the clock."""
    run = replace(run, clock=max(run.clock, float(event.get("time") or 0)))
    follow = _FOLLOW.get(str(event.get("event")))
    return follow(run, event) if follow is not None else run


def _begun(run: HostRun, event: events.Event) -> HostRun:
    return HostRun(run=str(event.get("run", "")), total=int(event.get("total") or 0), started=run.clock, clock=run.clock)


def _taken_up(run: HostRun, event: events.Event) -> HostRun:
    work = Work(key=event["key"], role=event["role"], title=event["title"], since=run.clock)
    return replace(run, work={**run.work, work.key: work})


def _gone_on(run: HostRun, event: events.Event) -> HostRun:
    work = run.work.get(event["key"])
    return replace(run, work={**run.work, work.key: _progressed(work, event)}) if work is not None else run


def _done(run: HostRun, event: events.Event) -> HostRun:
    rest = {key: work for key, work in run.work.items() if key != event["key"]}
    return replace(run, work=rest, finished=(*run.finished, _finished(run, event)))


def _ended(run: HostRun, event: events.Event) -> HostRun:
    return replace(run, work={}, checking="", ended=str(event.get("result") or "done"))


_FOLLOW: Mapping[str, Callable[[HostRun, events.Event], HostRun]] = MappingProxyType(
    {
        events.RUN_STARTED: _begun,
        events.RESOURCE_STARTED: _taken_up,
        events.PROGRESS: _gone_on,
        events.RESOURCE_DONE: _done,
        events.RESOURCE_FAILED: _done,
        events.CHECK_STARTED: lambda run, event: replace(run, checking=f"{event['role']} · {event['name']}"),
        events.VERDICT: lambda run, _event: replace(run, checking=""),
        events.RUN_ENDED: _ended,
    }
)


def _progressed(work: Work, event: events.Event) -> Work:
    fraction = event.get("fraction")
    return replace(
        work,
        says=str(event.get("says") or ""),
        fraction=None if fraction is None else min(1.0, max(0.0, float(fraction))),
        done=event.get("bytes"),
        total=event.get("total_bytes"),
    )


def _finished(run: HostRun, event: events.Event) -> Finished:
    key, seconds = event["key"], event.get("seconds")
    if seconds is None and key in run.work:
        seconds = run.clock - run.work[key].since
    result = "failed" if event["event"] == events.RESOURCE_FAILED else str(event.get("result") or "changed")
    return Finished(key=key, role=event["role"], title=event["title"], result=result, seconds=seconds)


def finished_line(item: Finished, page: Page) -> Line:
    """Return one line: mark, role, kind, title, how long."""
    mark = {"failed": ("✗", "bad"), "ok": ("✓", "quiet")}.get(item.result, ("✓", "good"))
    took = duration(item.seconds) if item.seconds is not None else ""
    return _row(page, mark, item, took)


def _row(page: Page, mark: Part, item: Work | Finished, right: str) -> Line:
    left = [*page.line(mark)]
    left = [*pad(tuple(left), _signs(page)), Span(" ")]
    if page.width >= NARROW:
        left += page.fit(pad(page.line((item.role, "strong")), LEFT - 1), LEFT - 1)
        left += page.fit(pad(page.line(" ", kind_name(item.key.partition(":")[0])), KIND), KIND)
        left += [Span(" ")]
    room = page.edge - width_of(tuple(left)) - max(8, cells(right)) - 1
    title = pad(page.fit(page.line(title_of(item.key, item.title)), room), room)
    return page.fit((*left, *title, *page.line(((" " + right).rjust(page.edge - width_of((*left, *title))), "quiet"))))


def _signs(page: Page) -> int:
    return 1 if page.unicode else 4


def work_lines(run: HostRun, page: Page, *, now: float) -> list[Line]:
    """Return what is happening on one host at `now` (the agent's clock), and how far the run is."""
    shown: list[Line] = []
    sign = _SPINNER[int(now * 8) % len(_SPINNER)] if page.unicode else "|/-\\"[int(now * 8) % 4]
    works = list(run.work.values())
    for work in works[:MOST_WORK]:
        shown.append(_row(page, (sign, "changed"), work, elapsed(now - work.since)))
        shown += _progress(work, page)
    if len(works) > MOST_WORK:
        shown.append(page.line(("  " + f"… and {len(works) - MOST_WORK} more with them", "quiet")))
    if run.checking:
        shown.append(page.fit(page.line((sign, "changed"), " checking  ", run.checking)))
    return [*shown, footer(run, page, now=now)]


def _progress(work: Work, page: Page) -> list[Line]:
    """Return the line of the bar; nothing where nothing is known."""
    if not work.says and work.fraction is None and work.done is None:
        return []
    indent = 2 if page.width < NARROW else LEFT + KIND + 1 + _signs(page)
    parts: list[Part] = [" " * indent]
    if work.fraction is not None:
        whole = min(24, max(6, page.edge - indent - 40))
        full = round(work.fraction * whole)
        parts += [("━" * full, "good"), (("─" if page.unicode else ".") * (whole - full), "quiet"), f" {work.fraction:4.0%}  "]
    if work.done is not None:
        parts.append(f"{size(work.done)} of {size(work.total)}  " if work.total else f"{size(work.done)}  ")
    return [page.fit(page.line(*parts, (work.says, "quiet")))]


def footer(run: HostRun, page: Page, *, now: float) -> Line:
    """Return how far a run is: `12 of 40 · 2 min 3 s`."""
    done = sum(1 for item in run.finished if item.result != "ok")
    far = f"{done} of {run.total}" if run.total else f"{done} done"
    return page.fit(page.line("  ", (f"{far} · {elapsed(now - run.started)}", "quiet")))


def ended_line(run: HostRun, event: events.Event, page: Page, *, host: str = "") -> list[Line]:
    """Return the last line of a run: `12 changed in 41 s`."""
    done = int(event.get("changed") or 0)
    failed = sum(1 for item in run.finished if item.result == "failed")
    took = duration(float(event.get("seconds") or 0))
    result = str(event.get("result") or "done")
    parts: list[Part] = [(f"{host}: ", "strong")] if host else []
    parts.append((f"{done} changed" if done else "nothing changed", "good" if result == "done" else ""))
    if failed:
        parts.append((f", {failed} failed", "bad"))
    left = run.total - done - failed
    if left > 0 and result != "done":
        parts.append(f", {count(left, 'change')} not made")
    parts.append(f" in {took}")
    ending = {"reboot-needed": "a reboot is needed to go on", "interrupted": "interrupted"}.get(result, "")
    message: Any = event.get("message") or ending
    if message and not failed:
        parts += [" · ", (str(message), "" if result == "done" else "warning")]
    return page.hang((), page.line(*parts))
