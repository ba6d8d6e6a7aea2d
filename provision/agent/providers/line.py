"""Marked lines in a file that belongs to somebody else.

A block is appended at the end of the file and changed in place. Where the file's last line has no line end, one is
added and noted in the first marker (`(newline above)`), so that taking the block away gives back the very bytes.
Removed from the middle (somebody appended after it), that line end stays, so that no two lines are joined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from provision.agent.host import Reader
from provision.agent.place import Place, locate, text_diff
from provision.agent.provider import Pending
from provision.agent.steps import Step, Write
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, Status, differs, same
from provision.resources.line import Line

ADDED = b" (newline above)"
"""On the first marker: the line end before the block is ours."""


@dataclass(frozen=True, kw_only=True)
class LineState:
    """What is at the path, and the bytes of a file that is there."""

    place: Place
    content: bytes | None = field(default=None, repr=False)


class LineProvider:
    """Keeps a block between markers; all other bytes, mode and owner stay."""

    def observe(self, want: Line, host: Reader) -> LineState:
        place = locate(want.path, "root", "root", host)
        return LineState(place=place, content=host.read(want.path) if place.kind == "file" else None)

    def diff(self, want: Line, have: LineState, pending: Pending) -> Diff:
        place = have.place
        if place.kind not in {"absent", "file"}:
            raise _wrong(want, place)
        if want.absent and place.kind == "absent":
            return same("already absent: there is no such file")
        if blocker := place.blocker(pending):
            return blocker
        if place.kind == "absent" and not want.create:
            return _no_file(want, pending)
        before, after = have.content, _wanted(want, have)
        if before == after:
            return same("already absent" if want.absent else "the lines are there")
        old = _find(before or b"", want)
        made = (
            () if place.stat else (*place.parent_changes(pending), Change(field="file", before="absent", after="0644 root:root"))
        )
        change = Change(field="lines", before=_says(old is not None), after=_says(not want.absent))
        mode = place.stat.mode if place.stat else 0o644
        return differs(*made, change, why=_why(want, known=old is not None), text=text_diff(before, after, want.path, mode))

    def steps(self, want: Line, have: LineState) -> Iterator[Step]:
        stat = have.place.stat
        if stat is None and want.absent:
            return
        after = _wanted(want, have)
        if after == have.content:
            return
        yield from have.place.parents()
        yield Write(
            path=want.path,
            content=after,
            mode=stat.mode if stat else 0o644,
            owner=stat.owner if stat else "root",
            group=stat.group if stat else "root",
            validate=want.validate,
        )


@dataclass(frozen=True, kw_only=True)
class Block:
    """Where a block lies: offsets of its first byte and of the first byte after it."""

    start: int
    end: int
    added: bool


def _wrong(want: Line, place: Place) -> ProvisionError:
    if place.kind != "link":
        return place.wrong("file")
    return ProvisionError(
        f"`{want.path}` is a {place.says}, and is never followed",
        hint="name the file it leads to instead",
    )


def _no_file(want: Line, pending: Pending) -> Diff:
    if pending.has(f"path:{want.path}") or pending.kind("package"):
        return Diff(status=Status.KNOWN_AFTER_APPLY, why=f"`{want.path}` is not there yet")
    raise ProvisionError(
        f"`{want.path}` is missing, so `{want.name}` has no file to be in",
        hint=f"see which package brings it with `dpkg -S {want.path}`",
    )


def _says(there: bool) -> str:  # noqa: FBT001 - a predicate made a word
    return "present" if there else "absent"


def _why(want: Line, *, known: bool) -> str:
    if want.absent:
        return "not wanted any more"
    return "the lines differ" if known else "the lines are missing"


def _marker(want: Line, word: str) -> bytes:
    return f"{want.comment} {word} provision: {want.name}".encode()


def _find(content: bytes, want: Line) -> Block | None:
    """Return where the block is; raises `ProvisionError` unless there is none, or one whole one."""
    begin = re.compile(rb"^" + re.escape(_marker(want, "BEGIN")) + rb"(" + re.escape(ADDED) + rb")?\r?$", re.MULTILINE)
    end = re.compile(rb"^" + re.escape(_marker(want, "END")) + rb"\r?$", re.MULTILINE)
    begins, ends = list(begin.finditer(content)), list(end.finditer(content))
    if not begins and not ends:
        return None
    if len(begins) == 1 and len(ends) == 1 and begins[0].end() < ends[0].start():
        after = ends[0].end()
        return Block(start=begins[0].start(), end=after + (content[after : after + 1] == b"\n"), added=begins[0][1] is not None)
    marks = sorted([(match.start(), "begins") for match in begins] + [(match.start(), "ends") for match in ends])
    newline = b"\n"
    lines = ", ".join(f"{word} on line {content.count(newline, 0, at) + 1}" for at, word in marks)
    raise ProvisionError(
        f"`{want.path}` does not hold one whole block `{want.name}`: it {lines}",
        hint=f"edit `{want.path}`, remove what is left of `{want.name}` with its markers, and apply again",
    )


def _block(want: Line, *, added: bool) -> bytes:
    begin = _marker(want, "BEGIN") + (ADDED if added else b"")
    return b"".join(line + b"\n" for line in (begin, *(line.encode() for line in want.lines), _marker(want, "END")))


def _wanted(want: Line, have: LineState) -> bytes:
    """Return the bytes the file is to have."""
    content = have.content or b""
    block = _find(content, want)
    if block is None:
        if want.absent:
            return content
        added = bool(content) and not content.endswith(b"\n")
        return content + (b"\n" if added else b"") + _block(want, added=added)
    before, after = content[: block.start], content[block.end :]
    if not want.absent:
        return before + _block(want, added=block.added) + after
    return before[:-1] if block.added and not after else before + after


provider = LineProvider()
