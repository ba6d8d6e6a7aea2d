"""Files: content, mode, owner and group."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from provision.agent.host import Reader
from provision.agent.place import Place, locate, text_diff
from provision.agent.provider import Pending
from provision.agent.steps import Remove, Step, Write
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, differs, same
from provision.resources.base import Blob, Secret
from provision.resources.file import File

LARGE = 1 << 20
"""A file above this size (bytes) that has not the wanted size either is not read."""


@dataclass(frozen=True, kw_only=True)
class FileState:
    """What is at the path; `same_content` where a file is there, `content` only where a diff may show it."""

    place: Place
    same_content: bool = False
    content: bytes | None = field(default=None, repr=False)
    supply: bytes | None = field(default=None, repr=False)
    """The wanted blob's bytes, where they are here and needed."""


class FileProvider:
    """Observes and writes files; never deletes a directory, never follows a link at the path itself."""

    def observe(self, want: File, host: Reader) -> FileState:
        place = locate(want.path, want.owner, want.group, host)
        if want.absent or (want.create_only and place.kind != "absent"):
            return FileState(place=place)
        content, equal = None, False
        if place.stat is not None and place.kind == "file":
            if isinstance(want.content, Blob):
                equal = place.stat.size == want.content.size and host.sha256(want.path) == want.content.sha256
            elif place.stat.size <= LARGE or place.stat.size == len(_bytes(want.content)):
                content = host.read(want.path)
                equal = content == _bytes(want.content)
        supply = host.blob(want.content) if isinstance(want.content, Blob) and not equal else None
        shown = None if equal or isinstance(want.content, Secret) else content
        return FileState(place=place, same_content=equal, content=shown, supply=supply)

    def diff(self, want: File, have: FileState, pending: Pending) -> Diff:
        place = have.place
        if place.kind in {"directory", "other"}:
            raise place.wrong("file")
        if want.absent:
            return _absent_diff(have)
        if blocker := place.blocker(pending):
            return blocker
        if place.kind == "absent":
            made = Change(field="file", before="absent", after=_says(want.content))
            return _content_differs(want, have, (*place.parent_changes(pending), made), "missing")
        if place.kind == "link":
            return _link_diff(want, have)
        if have.same_content or want.create_only:
            why = "there already; the content is the person's" if want.create_only else "content, mode and owner are as wanted"
            return place.attributes_diff(want.mode, why)
        return _content_differs(want, have, (_content_change(want, have), *place.attribute_changes(want.mode)), "content differs")

    def steps(self, want: File, have: FileState) -> Iterator[Step]:
        place = have.place
        secret = isinstance(want.content, Secret)
        if want.absent:
            if place.kind != "absent":
                yield Remove(path=want.path, sensitive=secret)
            return
        if want.create_only and place.kind == "link":
            return
        if place.kind == "file" and (have.same_content or want.create_only):
            if place.attribute_changes(want.mode):
                yield place.attributes(want.mode)
            return
        yield from place.parents()
        yield Write(
            path=want.path,
            content=_supplied(want, have),
            mode=want.mode,
            owner=place.owner,
            group=place.group,
            validate=want.validate,
            sensitive=secret,
        )


def _absent_diff(have: FileState) -> Diff:
    if have.place.kind == "absent":
        return same("already absent")
    return differs(Change(field=have.place.kind, before="present", after="absent"), why="not wanted any more")


def _link_diff(want: File, have: FileState) -> Diff:
    if want.create_only:
        return same(f"there already: a {have.place.says}, which is the person's")
    if have.place.home and have.place.owner != "root":
        # Whoever owns the directory can put a link there at any time, so the writer replaces none.
        raise have.place.wrong("file")
    return _content_differs(want, have, (Change(field="kind", before=have.place.says, after="file"),), "a link is there")


def _bytes(content: str | Secret) -> bytes:
    return (content.reveal() if isinstance(content, Secret) else content).encode()


def _supplied(want: File, have: FileState) -> bytes:
    if not isinstance(want.content, Blob):
        return _bytes(want.content)
    if have.supply is None:
        raise ProvisionError(f"the content of `{want.path}` has not been sent: no blob {want.content.sha256[:12]}")
    return have.supply


def _says(content: str | Secret | Blob | bytes) -> str:
    """Return a phrase for a content; of a secret not even the length."""
    if isinstance(content, Secret):
        return "***"
    if isinstance(content, Blob):
        return f"{content.size} bytes, sha256 {content.sha256[:8]}"
    data = content.encode() if isinstance(content, str) else content
    return f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:8]}"


def _content_change(want: File, have: FileState) -> Change:
    before = "***"
    if not isinstance(want.content, Secret):
        size = have.place.stat.size if have.place.stat else 0
        before = f"{size} bytes" if have.content is None else _says(have.content)
    return Change(field="content", before=before, after=_says(want.content))


def _content_differs(want: File, have: FileState, changes: tuple[Change, ...], why: str) -> Diff:
    text, lacks = "", ""
    stat = have.place.stat
    if isinstance(want.content, Blob):
        lacks = "" if have.supply is not None else want.content.sha256
    elif isinstance(want.content, Secret):
        text = "content differs: ***"
    elif have.content is None and have.place.kind == "file":
        text = f"large: {stat.size if stat else 0} → {len(want.content.encode())} bytes"
    else:
        mode = stat.mode & want.mode if stat and have.place.kind == "file" else want.mode
        text = text_diff(have.content, want.content.encode(), want.path, mode)
    return differs(*changes, why=why, text=text, lacks=lacks)


provider = FileProvider()
