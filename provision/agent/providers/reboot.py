"""A reboot that happens at most once for each change that asks for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent import ctimes
from provision.agent.ctimes import Ctimes
from provision.agent.host import Reader
from provision.agent.provider import Pending
from provision.agent.steps import Remember, RequestReboot, Step
from provision.plan.model import Change, Diff, Status, same
from provision.resources.reboot import Reboot


@dataclass(frozen=True, kw_only=True)
class Observed:
    """When the files changed and this boot began; the boot in which we last asked for a reboot, and because of what."""

    boot_id: str
    boot_ns: int
    ctimes: Ctimes
    asked_in: str = ""
    asked_for: Ctimes = ()

    @property
    def causes(self) -> Ctimes:
        """The changes since this boot began that no reboot was made for.

        A change with a date in the future (a clock that was wrong) is newer than every boot; the memory ends that loop.
        """
        served = self.asked_for if self.asked_in != self.boot_id else ()
        newer = ctimes.since(self.ctimes, self.boot_ns)
        return tuple(each for each in self.ctimes if each[0] in newer and each not in served)


class Reboots:
    """After the step the machine is in the same boot still: nothing can be confirmed before the next one."""

    def observe(self, want: Reboot, host: Reader) -> Observed:
        asked_in, asked_for = _asked(host.recall(f"reboot-{want.name}") or "")
        return Observed(
            boot_id=host.boot_id(),
            boot_ns=host.boot_time_ns(),
            ctimes=ctimes.observe(want.after, host),
            asked_in=asked_in,
            asked_for=asked_for,
        )

    def diff(self, want: Reboot, have: Observed, pending: Pending) -> Diff:
        paths = tuple(dict.fromkeys((*(path for path, _ in have.causes), *ctimes.will_change(want.after, pending))))
        if paths:
            changes = tuple(Change(field="reboot", before=f"{path} is newer than this boot", after="rebooted") for path in paths)
            return Diff(status=Status.CHANGE, why=want.because, changes=changes, reboots=1, seconds=60)
        perhaps = ctimes.may_change(want.after, pending)
        if perhaps:
            why = f"{want.because}: only if {', '.join(perhaps)} changes"
            return Diff(status=Status.KNOWN_AFTER_APPLY, why=why, reboots=1, seconds=60)
        return same("this boot began after the last change" if want.after else "nothing asks for it")

    def steps(self, want: Reboot, have: Observed) -> Iterator[Step]:
        if have.causes:
            served = {"boot": have.boot_id, "for": dict(have.causes)}
            yield Remember(name=f"reboot-{want.name}", value=json.dumps(served))
            yield RequestReboot(because=want.because)


def _asked(value: str) -> tuple[str, Ctimes]:
    try:
        data = json.loads(value)
        return str(data["boot"]), tuple((str(path), int(ctime)) for path, ctime in data["for"].items())
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", ()  # nothing remembered, or state that was damaged: the ctimes decide alone


provider = Reboots()
