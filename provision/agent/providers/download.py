"""A file fetched from a URL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent.host import Reader
from provision.agent.place import Place, locate
from provision.agent.provider import Pending
from provision.agent.steps import Fetch, Step
from provision.plan.model import Change, Diff, differs
from provision.resources.download import Download

_BYTES_A_SECOND = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What is at the path, and the SHA-256 of a regular file there."""

    place: Place
    sha256: str = ""


class Downloads:
    """Bytes that are right already are never fetched again; those of another size are not even hashed."""

    def observe(self, want: Download, host: Reader) -> Observed:
        place = locate(want.path, want.owner, "", host)
        if place.stat is None or place.kind != "file" or want.size not in {0, place.stat.size}:
            return Observed(place=place)
        return Observed(place=place, sha256=host.sha256(want.path) or "")

    def diff(self, want: Download, have: Observed, pending: Pending) -> Diff:
        place = have.place
        if place.kind not in {"file", "absent"}:
            raise place.wrong("file")
        if blocker := place.blocker(pending):
            return blocker
        if have.sha256 == want.sha256:
            return place.attributes_diff(want.mode, "its SHA-256 is right")
        before = "absent" if place.stat is None else f"sha256 {have.sha256[:12]}" if have.sha256 else f"{place.stat.size} bytes"
        return differs(
            *place.parent_changes(pending),
            Change(field="content", before=before, after=f"sha256 {want.sha256[:12]}"),
            *place.attribute_changes(want.mode),
            download_bytes=want.size or None,
            seconds=want.size / _BYTES_A_SECOND if want.size else None,
        )

    def steps(self, want: Download, have: Observed) -> Iterator[Step]:
        place = have.place
        if have.sha256 != want.sha256:
            yield from place.parents()
            yield Fetch(
                url=want.url,
                path=want.path,
                sha256=want.sha256,
                size=want.size,
                mode=want.mode,
                owner=place.owner,
                group=place.group,
            )
        elif place.attribute_changes(want.mode):
            yield place.attributes(want.mode)


provider = Downloads()
