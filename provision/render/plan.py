"""A plan on a page: what will change, why, how much is downloaded, how long, how many reboots."""

from __future__ import annotations

from dataclasses import dataclass, replace

from provision.catalog.model import RoleNote
from provision.facts.model import Facts, Gpu
from provision.knowledge.words import card_and_kind
from provision.plan.model import Plan, PlanEntry, Status
from provision.render.entry import change_parts, kind_name, mark_of, what
from provision.render.line import Line, Span, pad, width_of
from provision.render.measure import about, count, size
from provision.render.page import NARROW, Page, Part

LEFT = 15
"""Cells of the first column: a role, or a mark and a kind."""
SIZE = 8
"""Cells of a size, right-aligned."""
NOTE = 22
"""Cells of `known after the reboot`."""
MOST_CHANGES = 6
"""Aspects shown of one resource unless a person asks for all."""

_NAMES = {"debian": "Debian", "ubuntu": "Ubuntu"}


def header(host: str, facts: Facts | None, page: Page) -> list[Line]:
    """Return the line that says what the machine is; what is not known is left out."""
    parts = [_who(host, facts)]
    if facts is not None:
        parts += [_system(facts), _gpus(facts), _kernel(facts)]
        if facts.secure_boot is not None:
            parts.append(f"Secure Boot {'on' if facts.secure_boot else 'off'}")
    return page.dotted([((part, "strong" if index == 0 else ""),) for index, part in enumerate(parts) if part])


def _who(host: str, facts: Facts | None) -> str:
    if facts is None or not facts.hostname:
        return host
    here = host.rpartition("@")[2] in {"", "local", "localhost", facts.hostname}
    return facts.hostname if here else f"{facts.hostname} ({host})"


def _system(facts: Facts) -> str:
    name = _NAMES.get(facts.system.id, facts.system.name)
    return name if not facts.system.version or facts.system.version in name else f"{name} {facts.system.version}"


def _gpus(facts: Facts) -> str:
    names: dict[str, int] = {}
    for gpu in facts.nvidia_gpus:
        name = _gpu(gpu)
        names[name] = names.get(name, 0) + 1
    return ", ".join(name if number == 1 else f"{number} \N{MULTIPLICATION SIGN} {name}" for name, number in names.items())


def _gpu(gpu: Gpu) -> str:
    from provision.knowledge.tables import gpu as row_of  # noqa: PLC0415 - costs time, and most machines have none

    row = row_of(gpu.pci)
    return card_and_kind(row) if row else gpu.name or f"GPU {gpu.pci}"


def _kernel(facts: Facts) -> str:
    kernel = facts.kernel
    if kernel.next and kernel.next != kernel.running:
        return f"kernel {kernel.next} boots next"
    return f"kernel {kernel.running}" if kernel.running else ""


def plan_lines(host: str, facts: Facts | None, plan: Plan, page: Page, notes: tuple[RoleNote, ...] = ()) -> list[Line]:
    """Return the whole screen of a plan; a single line where nothing is to change."""
    if not plan.pending:
        same = f"{count(len(plan.entries), 'resource')} already so" if plan.entries else "no resources"
        line = page.line((_who(host, facts), "strong"), ": nothing to change", (f", {same}", "quiet"))
        return [*page.hang((), line), *_skipped(notes, page)]
    common = _common_reason(plan)
    if common:
        plan = replace(plan, entries=tuple(_without_reason(entry, common) for entry in plan.entries))
    said = page.hang((), page.line((common, "quiet"))) if common else []
    return [*header(host, facts, page), *said, (), *entry_lines(plan, page, notes), (), *summary(plan, page)]


def _common_reason(plan: Plan) -> str:
    """Return why each of several pending entries is not known, if that is one reason for all: it is said once, then."""
    reasons = {entry.diff.why for entry in plan.pending if not _certain(entry)}
    alike = len(reasons) == 1 and len(plan.pending) > 1 and not any(_certain(entry) for entry in plan.pending)
    return reasons.pop() if alike else ""


def _without_reason(entry: PlanEntry, common: str) -> PlanEntry:
    return replace(entry, diff=replace(entry.diff, why="")) if entry.diff.why == common else entry


def entry_lines(plan: Plan, page: Page, notes: tuple[RoleNote, ...] = ()) -> list[Line]:
    """Return the pending entries by role under what the role says of itself, and one quiet line for roles without any."""
    roles: dict[str, list[PlanEntry]] = {}
    for entry in plan.entries:
        roles.setdefault(entry.role, []).append(entry)
    after_reboot = _after_reboot(plan)
    shown: list[Line] = []
    quiet: list[str] = []
    rows = _Columns.of(plan, page)
    said = {each.role: each for each in notes}
    for role, entries in roles.items():
        pending = [entry for entry in entries if not entry.diff.ok]
        if not pending:
            quiet.append(f"{role} {len(entries)}")
            continue
        counted = f"{len(pending)} of {len(entries)} to change" if len(pending) < len(entries) else count(len(pending), "change")
        shown += _heading(role, counted, said.get(role), page)
        for entry in pending:
            shown += _entry(entry, page, rows, later="reboot" if entry.key in after_reboot else "apply")
    if quiet:
        shown += page.hang(pad(page.line(("already so", "quiet")), LEFT), page.line((", ".join(quiet), "quiet")))
    return shown + _skipped(notes, page)


def _skipped(notes: tuple[RoleNote, ...], page: Page) -> list[Line]:
    """Return the roles that nothing of fits this machine, those for one reason together."""
    whys = dict.fromkeys(each.skipped for each in notes if each.skipped)
    shown: list[Line] = []
    for why in whys:
        names = ", ".join(each.role for each in notes if each.skipped == why)
        shown += page.hang(pad(page.line((names, "strong")), LEFT), page.line(("skipped", "warning"), f": {why}"), most=3)
    return shown


def _heading(role: str, counted: str, said: RoleNote | None, page: Page) -> list[Line]:
    """Return a role's first line: what it decided and why, else how much changes; then what a person should know of it."""
    left = (*pad(page.line((role, "strong")), LEFT - 1), Span(" "))
    if said is None:
        return [page.fit((*left, *page.line((counted, "quiet"))))]
    note = said.note
    decided, reason = page.line(note.summary or (counted, "quiet")), page.line((note.why, "quiet"))
    together = (*decided, Span("   "), *reason)
    if reason and LEFT + width_of(together) > page.width:
        shown = [*page.hang(left, decided, most=2), *page.hang((Span(" " * LEFT),), reason, most=3)]
    else:
        shown = page.hang(left, together if reason else decided, most=2)
    for warning in note.warnings:
        shown += page.hang(page.line("  ", ("!", "warning"), " "), page.line(warning))
    if said.stops:
        shown += page.hang(page.line("  ", ("✗", "bad"), " "), page.line(("an apply would stop: ", "bad"), said.stops))
        shown += page.hang(page.line("    ", ("hint: ", "hint")), page.line(said.hint)) if said.hint else []
    return shown


def _after_reboot(plan: Plan) -> frozenset[str]:
    """Return the keys of the entries that come after a reboot that will happen."""
    keys = [entry.key for entry in plan.entries]
    reboots = [index for index, entry in enumerate(plan.entries) if entry.diff.reboots and _certain(entry)]
    return frozenset(keys[reboots[0] + 1 :]) if reboots else frozenset()


def _certain(entry: PlanEntry) -> bool:
    return entry.diff.status is not Status.KNOWN_AFTER_APPLY


@dataclass(frozen=True, kw_only=True)
class _Columns:
    """Where the columns of the entries are: `middle` cells for what it is; the size ends `SIZE` + 2 cells after it."""

    left: int
    middle: int
    note: int
    """Where notes begin; 0 where they have no room."""

    @classmethod
    def of(cls, plan: Plan, page: Page) -> _Columns:
        left = 4 if page.width < NARROW else LEFT + max((len(kind_name(e.kind)) - 10 for e in plan.pending), default=0)
        left = min(max(left, 4 if page.width < NARROW else LEFT), 24)
        room = page.edge - left
        aligned = [entry for entry in plan.pending if entry.diff.download_bytes or not _certain(entry)]
        natural = max((width_of(what(entry, page, room)[0]) for entry in aligned), default=0)
        middle = min(max(natural, min(56, room)), room - SIZE - 2)
        note = left + middle + SIZE + 5
        return cls(left=left, middle=middle, note=note if note + NOTE <= page.width else 0)


def _entry(entry: PlanEntry, page: Page, columns: _Columns, *, later: str) -> list[Line]:
    mark = mark_of(entry)
    kind = "" if page.width < NARROW else kind_name(entry.kind)
    left = page.fit(pad(page.line("  ", (mark.sign, mark.style), f" {kind}"), columns.left), columns.left)
    said, rest = what(entry, page, page.edge - columns.left)
    download = entry.diff.download_bytes
    noted = columns.note and not _certain(entry)
    broken = page.wrap(said, columns.middle if download or noted else page.edge - columns.left, most=3)
    first = (*left, *broken[0])
    if download:
        first = (*pad(first, columns.left + columns.middle), *page.line("  " + size(download).rjust(SIZE)))
    if noted:
        first = (*pad(first, columns.note), *page.line((f"known after the {later}", "quiet")))
    indent = Span(" " * columns.left)
    shown = [first, *((indent, *part) for part in broken[1:])]
    most = len(rest) if page.verbose else MOST_CHANGES
    for change in rest[:most]:
        shown += page.hang((indent,), page.line(*change_parts(change)), most=2)
    if len(rest) > most:
        shown += page.hang((indent,), page.line((f"… {len(rest) - most} more, `--verbose` shows them", "quiet")))
    if page.diff and entry.diff.text:
        shown += diff_lines(entry.diff.text, page)
    return shown


def diff_lines(text: str, page: Page) -> list[Line]:
    """Return a unified diff, indented; the two lines that name the files are left out, the title names them."""
    shown: list[Line] = []
    indent = page.line(" " * (2 if page.width < NARROW else 6))
    for index, raw in enumerate(text.split("\n")):
        if index < 2 and raw[:3] in {"---", "+++"}:  # noqa: PLR2004 - the two lines of the file names
            continue
        style = {"+": "created", "-": "removed", "@": "later"}.get(raw[:1], "")
        # The rest of a long line stays right of its sign, where it cannot be taken for a line of its own.
        shown += page.hang((*indent, *page.line((raw[:1], style))), page.line((raw[1:].expandtabs(4), style)))
    return shown


def summary(plan: Plan, page: Page) -> list[Line]:
    """Return the last line: counts, download, reboots and time, those that are known."""
    later = [entry for entry in plan.pending if not _certain(entry)]
    after_reboot = sum(1 for entry in later if entry.key in _after_reboot(plan))
    counts = [
        (len(plan.pending) - len(later), "to change"),
        (after_reboot, "known after the reboot"),
        (len(later) - after_reboot, "known after the apply"),
        (len(plan.entries) - len(plan.pending), "already so"),
    ]
    parts: list[tuple[Part, ...]] = [(", ".join(f"{number} {what}" for number, what in counts if number),)]
    download = sum(entry.diff.download_bytes or 0 for entry in plan.pending)
    if download:
        parts.append(_space(download, plan.free_bytes))
    reboots = sum(entry.diff.reboots for entry in plan.pending)
    if reboots:
        certain = reboots == sum(entry.diff.reboots for entry in plan.pending if _certain(entry))
        parts.append(("" if certain else "at most ", count(reboots, "reboot")))
    seconds = sum(entry.diff.seconds or 0 for entry in plan.pending)
    if seconds:
        parts.append((about(seconds),))
    return page.dotted(parts)


def _space(download: int, free: int | None) -> tuple[Part, ...]:
    if free is None:
        return (f"{size(download)} to download",)
    if free <= download:
        return (f"{size(download)} to download, ", (f"only {size(free)} free", "bad"))
    return (f"{size(download)} to download, {size(free)} free",)
