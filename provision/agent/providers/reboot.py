"""A reboot that happens at most once for each change, and each driver, that asks for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent import ctimes, driver
from provision.agent.ctimes import Ctimes
from provision.agent.host import Reader
from provision.agent.provider import Pending
from provision.agent.steps import Remember, RequestReboot, Step
from provision.plan.model import Change, Diff, Status, same
from provision.resources.reboot import Reboot


@dataclass(frozen=True, kw_only=True)
class Observed:
    """When the files changed and this boot began; the boot in which we last asked for a reboot, and because of what.

    `driver` says what is wrong with the loaded driver, `sound` what is right with it; `file` is the module on disk, and when
    that changed.
    """

    boot_id: str
    boot_ns: int
    ctimes: Ctimes
    asked_in: str = ""
    asked_for: Ctimes = ()
    driver: str = ""
    sound: str = ""
    file: Ctimes = ()

    @property
    def standing(self) -> Ctimes:
        """The changes since this boot began, and the file of a driver that is not the loaded one."""
        newer = ctimes.since(self.ctimes, self.boot_ns)
        return (*(each for each in self.ctimes if each[0] in newer), *(self.file if self.driver else ()))

    @property
    def causes(self) -> Ctimes:
        """What of `standing` no reboot was made for.

        A change with a date in the future (a clock that was wrong) is newer than every boot, and a driver may refuse to
        load in every one; the memory ends those loops.
        """
        served = self.asked_for if self.asked_in != self.boot_id else ()
        return tuple(each for each in self.standing if each not in served)


class Reboots:
    """After the step the machine is in the same boot still: nothing can be confirmed before the next one."""

    def observe(self, want: Reboot, host: Reader) -> Observed:
        asked_in, asked_for = _asked(host.recall(f"reboot-{want.name}") or "")
        wrong, sound, file = _driver(host) if want.unless_loaded else ("", "", ())
        return Observed(
            boot_id=host.boot_id(),
            boot_ns=host.boot_time_ns(),
            ctimes=ctimes.observe(want.after, host),
            asked_in=asked_in,
            asked_for=asked_for,
            driver=wrong,
            sound=sound,
            file=file,
        )

    def diff(self, want: Reboot, have: Observed, pending: Pending) -> Diff:
        changed = (path for path, _ in have.causes if path in dict(have.ctimes))
        paths = tuple(dict.fromkeys((*changed, *ctimes.will_change(want.after, pending))))
        changes = [Change(field="reboot", before=f"{path} is newer than this boot", after="rebooted") for path in paths]
        if have.driver and set(have.file).intersection(have.causes):
            changes.append(Change(field="reboot", before=have.driver, after="rebooted"))
        if changes:
            return Diff(status=Status.CHANGE, why=want.because, changes=tuple(changes), reboots=1, seconds=60)
        perhaps = ctimes.may_change(want.after, pending)
        if want.unless_loaded and (pending.kind("packages") or pending.kind("driver_module")):
            perhaps = ("the driver", *perhaps)
        if perhaps:
            why = f"{want.because}: only if {', '.join(perhaps)} changes"
            return Diff(status=Status.KNOWN_AFTER_APPLY, why=why, reboots=1, seconds=60)
        return same(_why(want, have))

    def steps(self, want: Reboot, have: Observed) -> Iterator[Step]:
        if have.causes:
            served = {"boot": have.boot_id, "for": dict(have.standing)}
            yield Remember(name=f"reboot-{want.name}", value=json.dumps(served))
            yield RequestReboot(because=want.because)


def _driver(host: Reader) -> tuple[str, str, Ctimes]:
    """Return what is wrong with the loaded driver, or what is right with it, and the module on disk for the next kernel."""
    kernel = driver.next_kernel(host)
    if not kernel:
        return "", "no kernel is installed here", ()  # and a container sees the modules of its host
    module = driver.module(kernel, host)
    file = ((module.path, module.ctime_ns),) if module else (("/sys/module/nvidia", 0),)
    free = next((name for name in driver.FREE if driver.loaded(name, host) is not None), "")
    if free:
        return f"{free} holds the GPU", "", file
    if module is None:
        return "", f"there is no driver to load for {kernel}, which boots next", file
    loaded = driver.loaded("nvidia", host)
    if loaded == module.version:
        return "", f"nvidia {loaded} is loaded, as on disk", file
    return f"nvidia {module.version} is on disk, {loaded or 'none'} is loaded", "", file


def _why(want: Reboot, have: Observed) -> str:
    if have.driver:
        return f"a reboot was made for it already, and {have.driver}: `provision doctor` says why"
    if have.sound:
        return have.sound
    return "this boot began after the last change" if want.after else "nothing asks for it"


def _asked(value: str) -> tuple[str, Ctimes]:
    try:
        data = json.loads(value)
        return str(data["boot"]), tuple((str(path), int(ctime)) for path, ctime in data["for"].items())
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", ()  # nothing remembered, or state that was damaged: the ctimes decide alone


provider = Reboots()
