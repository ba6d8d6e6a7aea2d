"""A preferences file."""

from __future__ import annotations

from collections.abc import Iterator

from provision.agent import textfile
from provision.agent.host import Reader
from provision.agent.provider import Pending
from provision.agent.steps import Step
from provision.agent.textfile import TextFile
from provision.plan.model import Diff, differs, same
from provision.resources.apt_pin import AptPin


def render(want: AptPin) -> bytes | None:
    """Return the text of the file, `None` for none."""
    if want.absent:
        return None
    return f"Package: {' '.join(want.packages)}\nPin: {want.pin}\nPin-Priority: {want.priority}\n".encode()


class AptPins:
    """Pins are read by apt each time it runs: a file is all there is to one."""

    def observe(self, want: AptPin, host: Reader) -> TextFile:
        return textfile.observe(want.path, host)

    def diff(self, want: AptPin, have: TextFile, _pending: Pending) -> Diff:
        changes = textfile.changes(have, render(want))
        if changes:
            return differs(*changes, text=textfile.text(have, render(want)))
        return same(f"{have.path} is absent" if want.absent else f"{have.path} says so")

    def steps(self, want: AptPin, have: TextFile) -> Iterator[Step]:
        yield from textfile.steps(have, render(want))


provider = AptPins()
