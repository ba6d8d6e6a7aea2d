"""A text file of the system's own: root's, mode 0644, whole. What is at its path, how that differs, the steps to it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from provision.agent.host import Reader
from provision.agent.place import Place, locate
from provision.agent.provider import NOTHING_PENDING
from provision.agent.steps import Remove, Step, Write
from provision.plan.diff import unified
from provision.plan.model import Change

MODE = 0o644


@dataclass(frozen=True, kw_only=True)
class TextFile:
    """What is at a path; `content` only where that is a regular file."""

    place: Place
    content: bytes | None = None

    @property
    def path(self) -> str:
        """Where it is, or would be."""
        return self.place.path

    @property
    def there(self) -> bool:
        """Whether anything is there."""
        return self.place.stat is not None


def observe(path: str, host: Reader) -> TextFile:
    """Return what is at `path`; raises `UnreadableError`."""
    place = locate(path, "root", "root", host)
    return TextFile(place=place, content=host.read(path) if place.kind == "file" else None)


def changes(have: TextFile, want: bytes | None) -> tuple[Change, ...]:
    """Return how what is there differs from a file that holds `want`, or from nothing (`None`).

    A link is replaced; raises `ProvisionError` where a directory, a device or the like is in the way.
    """
    place = have.place
    if place.kind in {"directory", "other"}:
        raise place.wrong("file")
    if want is None:
        return (Change(field=place.kind, before="present", after="absent"),) if have.there else ()
    if not have.there:
        place.blocker(NOTHING_PENDING)
    if have.content is None:
        return (*place.parent_changes(NOTHING_PENDING), Change(field="file", before=place.says, after=_says(want)))
    content = () if have.content == want else (Change(field="content", before=_says(have.content), after=_says(want)),)
    return (*content, *place.attribute_changes(MODE))


def _says(content: bytes) -> str:
    return f"{len(content)} bytes"


def text(have: TextFile, want: bytes | None) -> str:
    """Return the unified diff of the content, empty where it is the same."""
    if want is None:
        return "" if have.content is None else unified(have.content, b"", have.path)
    return "" if have.content == want else unified(have.content, want, have.path)


def steps(have: TextFile, want: bytes | None, *, validate: tuple[str, ...] = ()) -> Iterator[Step]:
    """Yield the steps to a file that holds `want`, or to nothing (`None`); none where that is so already."""
    if not changes(have, want):
        return
    if want is None:
        yield Remove(path=have.path)
    elif have.content == want:
        yield have.place.attributes(MODE)
    else:
        yield from have.place.parents()
        yield Write(path=have.path, content=want, mode=MODE, owner="root", group="root", validate=validate)


def set_line(
    content: bytes, line: bytes, *, mine: Callable[[bytes], bool], after: Callable[[bytes], bool] = lambda _line: False
) -> bytes:
    """Return `content` with `line` in place of the first line that is `mine`, all else byte for byte.

    Where none is, `line` comes behind the last line that `after` accepts, or at the end.
    """
    lines = io.BytesIO(content).readlines()
    for index, there in enumerate(lines):
        if mine(there):
            lines[index] = line + there[len(there.rstrip(b"\r\n")) :]
            return b"".join(lines)
    place = max((index + 1 for index, there in enumerate(lines) if after(there)), default=len(lines))
    if place and not lines[place - 1].endswith(b"\n"):
        lines[place - 1] += b"\n"
    lines.insert(place, line + b"\n")
    return b"".join(lines)
