"""Secrets made on the machine itself, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent.host import Reader
from provision.agent.place import Place, locate
from provision.agent.provider import Pending
from provision.agent.steps import Remove, Step, WriteRandom
from provision.plan.model import Change, Diff, differs
from provision.resources.generated_secret import GeneratedSecret


@dataclass(frozen=True, kw_only=True)
class SecretState:
    """What is at the path; its content is never read."""

    place: Place

    def too_short(self, want: GeneratedSecret) -> bool:
        """Whether a file is there that cannot hold `length` bytes in hexadecimal."""
        return self.place.stat is not None and self.place.stat.size < 2 * want.length


class GeneratedSecretProvider:
    """Looks at size, mode and owner only. A file that is too short holds no secret worth the name, and is made anew."""

    def observe(self, want: GeneratedSecret, host: Reader) -> SecretState:
        return SecretState(place=locate(want.path, want.owner, "", host))

    def diff(self, want: GeneratedSecret, have: SecretState, pending: Pending) -> Diff:
        place = have.place
        if place.kind not in {"absent", "file"}:
            raise place.wrong("file")
        if blocker := place.blocker(pending):
            return blocker
        if place.kind == "absent":
            made = Change(field="secret", before="absent", after="***")
            return differs(*place.parent_changes(pending), made, why="missing")
        if have.too_short(want):
            short = Change(field="secret", before="too short", after="***")
            return differs(short, *place.attribute_changes(want.mode), why="too short")
        return place.attributes_diff(want.mode, "made already and left alone")

    def steps(self, want: GeneratedSecret, have: SecretState) -> Iterator[Step]:
        place = have.place
        if place.kind == "absent" or have.too_short(want):
            if place.kind != "absent":
                yield Remove(path=want.path, sensitive=True)
            yield from place.parents()
            yield WriteRandom(path=want.path, length=want.length, mode=want.mode, owner=place.owner, group=place.group)
        elif place.attribute_changes(want.mode):
            yield place.attributes(want.mode)


provider = GeneratedSecretProvider()
