"""One pending resource in words: its sign, its kind as people call it, and what will be different."""

from __future__ import annotations

from dataclasses import dataclass

from provision.plan.model import Change, PlanEntry, Status
from provision.render.line import Line, cells
from provision.render.page import Page, Part

_KINDS = {"authorized_keys": "keys", "generated_secret": "secret", "uv_environment": "python env"}
_NOTHING = frozenset({"", "absent", "missing"})
"""What providers write in a change for a thing that is not there."""
_WHOLE = frozenset({"file", "link", "directory", "secret", "environment", "installed"})
"""The fields of a change that stand for the whole thing; without one of them all fields count."""
_BECAUSE = frozenset({"restart", "reboot"})
"""The fields of a change whose `before` is a reason."""


@dataclass(frozen=True)
class Mark:
    """One sign and its one colour."""

    sign: str
    style: str


CREATED = Mark("+", "created")
CHANGED = Mark("~", "changed")
REMOVED = Mark("-", "removed")
AGAIN = Mark("↻", "again")
LATER = Mark("?", "later")
OPAQUE = Mark("!", "opaque")


def mark_of(entry: PlanEntry) -> Mark:
    """Return the sign of a pending entry; created and removed are told by what is, or will be, not there."""
    diff = entry.diff
    if diff.status is Status.KNOWN_AFTER_APPLY:
        return LATER
    if entry.kind == "reboot" or any(change.field == "restart" for change in diff.changes):
        return AGAIN
    if diff.status is Status.OPAQUE:
        return OPAQUE
    whole = [change for change in diff.changes if change.field in {*_WHOLE, entry.kind}] or list(diff.changes)
    if whole and all(change.before in _NOTHING for change in whole):
        return CREATED
    if whole and all(change.after in _NOTHING for change in whole):
        return REMOVED
    return CHANGED


def kind_name(kind: str) -> str:
    """Return a kind as people call it."""
    return _KINDS.get(kind, kind.replace("_", " "))


def title_of(key: str, title: str) -> str:
    """Return a title as people read it: the names of packages apart from each other."""
    return title.replace(" ", ", ") if key.startswith("packages:") else title


def what(entry: PlanEntry, page: Page, room: int) -> tuple[Line, tuple[Change, ...]]:
    """Return the line that says what happens to a resource, and the changes that `room` cells did not hold."""
    title, changes = _title(entry), _shown_changes(entry, page)
    inline: list[Part] = []
    for index, change in enumerate(changes):
        parts = change_parts(change)
        inline += [", " if index else ("  " if change.field in _BECAUSE else ": ")]
        inline += parts[1:] if change.field == entry.title else parts
    if sum(cells(part if isinstance(part, str) else part[0]) for part in (*title, *inline)) > room:
        inline = []
    rest = () if inline else changes
    # What a change shows already needs no second telling.
    said = bool(changes) or mark_of(entry) in {CREATED, REMOVED}
    why: list[Part] = [("  " + entry.diff.why, "quiet")] if entry.diff.why and (page.verbose or not said) else []
    return page.line(*title, *inline, *why), rest


def _title(entry: PlanEntry) -> tuple[Part, ...]:
    """Return the title; of packages the names of those that change."""
    wanted, fields = entry.title.split(" "), {change.field for change in entry.diff.changes}
    names = [name for name in wanted if name in fields]
    if entry.kind != "packages" or not names or len(names) == len(wanted):
        return (title_of(entry.key, entry.title),)
    return (", ".join(names), (f"  {len(wanted) - len(names)} already so", "quiet"))


def _shown_changes(entry: PlanEntry, page: Page) -> tuple[Change, ...]:
    changes = entry.diff.changes
    if page.verbose:
        return changes
    # A title tells what is made or goes; of keys it only tells whose they are. A reboot's reason is said in words.
    if entry.kind == "reboot" or (mark_of(entry) in {CREATED, REMOVED, LATER} and entry.kind != "authorized_keys"):
        return ()
    if page.diff and entry.diff.text:
        return tuple(change for change in changes if change.field != "content")
    return changes


def change_parts(change: Change) -> tuple[Part, ...]:
    """Return a change as `field before → after`, or as the reason it is."""
    before, after = change.before or "nothing", change.after or "nothing"
    if change.field in _BECAUSE:
        return ((before, "quiet"),)
    if change.field == "command":
        return (after,)
    return (f"{change.field} ", (before, "quiet"), (" → ", "quiet"), after)
