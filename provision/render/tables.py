"""Aligned plain text: the roles, the runs on a machine, its facts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from provision.facts.model import Facts
from provision.render.driver import driver_rows
from provision.render.line import Line, cells, pad
from provision.render.measure import count, duration, size
from provision.render.page import Page

_LONGEST = 32
"""Cells of any column but the last."""


def table(rows: Iterable[Sequence[str]], page: Page, *, headers: Sequence[str] = ()) -> list[Line]:
    """Return rows of equal length in aligned columns; the last one wraps under itself. `headers` are shown quietly."""
    body = [tuple(page.text(cell) for cell in row) for row in rows]
    every = [tuple(headers), *body] if headers else body
    if not body:
        return []
    widths = [min(max(cells(row[index]) for row in every), _LONGEST) for index in range(len(every[0]) - 1)]
    shown: list[Line] = []
    for number, row in enumerate(every):
        style = "quiet" if headers and number == 0 else ""
        left: Line = ()
        for index, (cell, width) in enumerate(zip(row, widths, strict=False)):
            part = page.line((cell, style or ("strong" if index == 0 else "")))
            left = (*left, *pad(page.fit(part, width), width + 2))
        shown += page.hang(left, page.line((row[-1], style)))
    return shown


def role_lines(roles: Iterable[tuple[str, str, str]], page: Page) -> list[Line]:
    """Return `provision roles`: (name, one line, why this machine cannot use it or empty)."""
    return table(((name, f"{text} ({why})" if why else text) for name, text, why in roles), page)


def run_lines(runs: Iterable[Mapping[str, Any]], page: Page) -> list[Line]:
    """Return `provision runs`: `run`, `started` (seconds since the epoch), `result`, `changed`, `seconds`, newest first."""
    rows = []
    for run in runs:
        started = run.get("started")
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(started)) if started else ""
        took = duration(run["seconds"]) if run.get("seconds") is not None else ""
        changed = f"{run['changed']} changed" if run.get("changed") is not None else ""
        rows.append((str(run.get("run", "")), when, changed, took, str(run.get("result") or "running")))
    return table(rows, page, headers=("run", "started", "changes", "took", "result"))


def facts_lines(facts: Facts, page: Page) -> list[Line]:
    """Return `provision facts`; what is not known is left out."""
    secure = {True: "on", False: "off", None: ""}[facts.secure_boot]
    kernel = facts.kernel.running + (f", {facts.kernel.next} boots next" if facts.kernel.next != facts.kernel.running else "")
    threads = f"{count(facts.cpu.cores, 'core')}, {count(facts.cpu.threads, 'thread')}"
    rows = [
        ("host", facts.hostname),
        ("system", _system(facts)),
        ("kernel", kernel if facts.kernel.next else facts.kernel.running),
        ("boot", " · ".join(part for part in ("UEFI" if facts.efi else "", f"Secure Boot {secure}" if secure else "") if part)),
        ("computer", f"{facts.chassis}{' with a desktop' if facts.desktop else ''}".strip()),
        ("virtual", "" if facts.virtualization == "none" else facts.virtualization),
        ("processor", f"{facts.cpu.model} ({threads})"),
        ("memory", size(facts.memory)),
        *(("gpu", f"{gpu.name or gpu.pci}{f', driven by {gpu.driver}' if gpu.driver else ''}") for gpu in facts.gpus),
        *driver_rows(facts.driver),
        *(
            ("disk", f"{d.name} {size(d.size)} {'rotating' if d.rotational else 'solid state'} {d.model}".rstrip())
            for d in facts.disks
        ),
        *(("mount", f"{f.at} on {f.source} ({f.type}), {size(f.free)} of {size(f.size)} free") for f in facts.filesystems),
        *(("network", f"{i.name} {'up' if i.up else 'down'} {', '.join(i.addresses)}".rstrip()) for i in facts.interfaces),
        ("people", ", ".join(person.name for person in facts.people)),
        ("time zone", facts.timezone),
        ("locale", facts.locale),
        ("python", facts.python),
    ]
    return table((row for row in rows if row[1]), page)


def _system(facts: Facts) -> str:
    system = facts.system
    parts = [part for part in (system.version, system.codename) if part and part not in system.name]
    return " ".join([system.name, *parts]) + f", {system.architecture}"
