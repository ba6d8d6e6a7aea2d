"""observe → diff → steps → observe again, as the executor does it, with all that must hold on the way."""

from __future__ import annotations

import hashlib
from typing import Any, cast

from provision.agent.host import Reader
from provision.agent.provider import NOTHING_PENDING, Pending, provider_of
from provision.agent.steps import Step
from provision.errors import ProvisionError
from provision.plan.model import Diff
from provision.resources.base import Resource
from tests.fake_host import FakeHost

LOOKS = frozenset(name for name in vars(Reader) if not name.startswith("_"))


class ReadOnly:
    """A `FakeHost` of which only `Reader`'s verbs can be reached."""

    def __init__(self, host: FakeHost) -> None:
        self._host = host

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any of the reader's methods
        if name not in LOOKS:
            raise AttributeError(f"`{name}` is not for readers")
        return getattr(self._host, name)


def read_only(host: FakeHost) -> Reader:
    """Return `host` without any verb that writes, not even for those who go behind mypy's back."""
    return cast("Reader", ReadOnly(host))


def look(want: Resource, host: FakeHost, pending: Pending = NOTHING_PENDING) -> tuple[Any, Diff]:
    """Observe and diff as `plan` does, and assert that nothing was performed and nothing changed."""
    provider = provider_of(want.kind)
    before, performed = host.snapshot(), len(host.steps)
    have = provider.observe(want, read_only(host))
    diff = provider.diff(want, have, pending)
    assert (host.snapshot(), len(host.steps)) == (before, performed), f"looking at {want.key} changed the machine"
    assert not diff.ok or diff.why, f"{want.key} is ok, but does not say why"
    assert not (diff.ok and diff.changes), f"{want.key} is ok, but has changes"
    return have, diff


def plan(want: Resource, host: FakeHost, pending: Pending = NOTHING_PENDING) -> Diff:
    """Return what the plan would say."""
    return look(want, host, pending)[1]


def converge(want: Resource, host: FakeHost, *blobs: bytes) -> tuple[Diff, tuple[Step, ...]]:
    """Bring `host` to `want`; return the first diff and the steps performed.

    `blobs` are what the controller sends when the diff lacks one; a requested reboot happens at once. Asserts that the
    second diff is ok, and that a third round would do nothing.
    """
    provider = provider_of(want.kind)
    have, first = look(want, host)
    if first.lacks:
        host.blobs.update({hashlib.sha256(blob).hexdigest(): blob for blob in blobs})
        have, diff = look(want, host)
        assert not diff.lacks, f"{want.key} lacks a blob that nobody sent"
    steps = () if first.ok else tuple(provider.steps(want, have))
    for step in steps:
        host.perform(step)
    if host.reboot_requested:
        host.reboot()
    have, second = look(want, host)
    assert second.ok, f"{want.key} did not converge: {second}"
    assert tuple(provider.steps(want, have)) == (), f"{want.key} has steps although it is ok"
    return first, steps


def outcome(want: Resource, host: FakeHost, *blobs: bytes) -> str:
    """Return what came of `want` in one line, for tables of expectations.

    `= why` when it was so already, `~ FIELD… > STEP…` when it changed and converged, `! message` when it was refused,
    which must leave the machine as it was.
    """
    before = host.snapshot()
    try:
        first, steps = converge(want, host, *blobs)
    except ProvisionError as error:
        assert host.steps == [], "refused only after a step"
        assert host.snapshot() == before
        return f"! {error.message}"
    if first.ok:
        assert host.snapshot() == before
        return f"= {first.why}"
    fields = " ".join(change.field for change in first.changes)
    return f"~ {fields} > {' '.join(type(step).__name__ for step in steps)}"
