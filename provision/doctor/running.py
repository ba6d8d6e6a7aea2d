"""Questions about the driver as it runs: nothing in its way, loaded, in step with its library, kept loaded, at full speed."""

from __future__ import annotations

import re

from provision.doctor.cards import unbound
from provision.doctor.case import APPLY, NVIDIA_DRIVERS, Case
from provision.doctor.finding import SILENT, Answer, Finding, Severity, found, sound
from provision.knowledge.log import Throttle, log

_RELOAD = "sudo modprobe -r nvidia_uvm nvidia_drm nvidia_modeset nvidia && sudo modprobe nvidia"
_FREE = frozenset({"nouveau", "novacore", "novadrm"})
"""The free drivers, without what kernels and buses write between the words (`nova_core`, `nova-core`, `NovaCore`)."""
_VM = "vfio-pci"


def nothing_in_the_way(case: Case) -> Answer:
    """Ask whether a free driver (nouveau, nova) holds a card."""
    held = tuple(card for card in case.cards if re.sub(r"[-_]", "", card.there.driver).lower() in _FREE)
    there = held[0].there.driver if held else case.driver.nouveau
    if not there:
        lent = tuple(card.there.slot for card in case.cards if card.there.driver == _VM)
        return sound(f"{', '.join(lent)} is given to a virtual machine" if lent else "neither nouveau nor nova is loaded")
    blocked = case.driver.nouveau_blocked
    return found(
        Finding(
            title=f"{there} holds the GPU" if held else f"{there} is loaded",
            cause="it is blocked in modprobe's configuration, and the initramfs, or this boot, is older than that"
            if blocked
            else "nothing blocks it, so it takes the card before NVIDIA's module can",
            evidence=(
                *(f"{card.there.slot} {card.name} is driven by {card.there.driver}" for card in held),
                *([f"{case.driver.nouveau} is loaded"] if case.driver.nouveau else []),
            ),
            mend="sudo update-initramfs -u -k all && sudo reboot" if blocked else APPLY,
            severity=Severity.BROKEN if held or not case.driver.loaded else Severity.RISK,
        )
    )


def loaded(case: Case) -> Answer:
    """Ask whether the module is loaded and drives every card."""
    if all(card.there.driver == _VM for card in case.cards):
        return SILENT
    said = case.log("nvrm", "nvidia")
    if not case.driver.loaded:
        return found(
            Finding(
                title="the nvidia module is not loaded",
                cause="it is there for the running kernel, and nothing loaded it, or it refused to start",
                evidence=said or ("the kernel's log says nothing about it",),
                mend="sudo modprobe nvidia",
            )
        )
    left = unbound(case)
    if not left:
        drives = sum(1 for card in case.cards if card.there.driver in NVIDIA_DRIVERS)
        return sound(f"{case.driver.loaded} drives {drives} of {len(case.cards)}")
    return found(
        Finding(
            title=f"the nvidia module is loaded and does not drive the {left[0].name}",
            cause="it refused the card, or the card did not answer when it started",
            evidence=(*(f"{card.there.slot} {card.name} is driven by nothing" for card in left), *said),
            mend="sudo dmesg --ctime | grep -i -e nvrm -e nvidia",
        )
    )


def in_step(case: Case) -> Answer:
    """Ask whether the loaded module, the library and the module on disk are of one version."""
    driver = case.driver
    disk = case.running_module.version if case.running_module is not None else ""
    versions = {version for version in (driver.loaded, driver.library, disk) if version}
    if not versions:
        return SILENT
    evidence = (
        f"loaded {driver.loaded or 'none'}, library {driver.library or 'none'}, on disk {disk or 'none'}",
        *case.log("api mismatch"),
    )
    if not driver.library:
        return found(
            Finding(
                title="libnvidia-ml.so.1 is not installed",
                cause="nvidia-smi and every program that asks the driver through NVML fail (NVML error 12)",
                evidence=evidence,
                mend=APPLY,
            )
        )
    if driver.loaded and driver.loaded != driver.library:
        return found(_mismatch(case, disk, evidence))
    if disk and disk != driver.library:
        return found(_parted(case, disk, evidence))
    return _later(case, evidence)


def _mismatch(case: Case, disk: str, evidence: tuple[str, ...]) -> Finding:
    driver = case.driver
    upcoming = case.next_module.version if case.next_module is not None else ""
    free = not driver.users and not case.facts.desktop
    if disk == driver.library and free:
        cause = "the driver was upgraded while it ran; nothing uses the GPU, so it can be loaded anew"
        mend = f"sudo systemctl stop nvidia-persistenced; {_RELOAD}" if driver.persistence else _RELOAD
    elif driver.library in {disk, upcoming}:
        cause, mend = "the driver was upgraded while it ran; the new module is loaded at the next boot", "sudo reboot"
    else:
        cause, mend = "the libraries were upgraded without their kernel module", APPLY
    used = (f"in use by {', '.join(driver.users)}",) if driver.users else ()
    return Finding(
        title="driver/library version mismatch",
        cause=f"{cause}; until then programs fail (NVML error 18)",
        evidence=(*evidence, *used),
        mend=mend,
    )


def _parted(case: Case, disk: str, evidence: tuple[str, ...]) -> Finding:
    runs = bool(case.driver.loaded)
    return Finding(
        title="the module on disk and the library are of different versions",
        cause=f"packages of {disk} and of {case.driver.library} are mixed"
        + ("; it works until the module is loaded the next time" if runs else ""),
        evidence=evidence,
        mend=APPLY,
        severity=Severity.RISK if runs else Severity.BROKEN,
    )


def _later(case: Case, evidence: tuple[str, ...]) -> Answer:
    upcoming = case.next_module
    if upcoming is not None and upcoming.version and upcoming.version != case.driver.library:
        return found(
            Finding(
                title="the next boot brings a driver/library version mismatch",
                cause=f"the module for {upcoming.kernel}, which boots next, is {upcoming.version}",
                evidence=(*evidence, upcoming.path),
                mend=APPLY,
                severity=Severity.RISK,
            )
        )
    if not case.driver.loaded:
        return sound(f"library = disk = {case.driver.library}")
    return sound(f"module = library = disk = {case.driver.loaded}")


def full_speed(case: Case) -> Answer:
    """Ask whether something keeps the clocks down."""
    rows = {words: log().throttle(words) for words in case.driver.throttle}
    rows = {words: row for words, row in rows.items() if row is None or row.severity}
    if any(row is not None and not row.follows for row in rows.values()):
        rows = {words: row for words, row in rows.items() if row is None or not row.follows}
    if rows:
        return found(*(_throttle(words, row) for words, row in rows.items()))
    return sound("nothing keeps the clocks down") if case.driver.loaded else SILENT


def _throttle(words: str, row: Throttle | None) -> Finding:
    evidence = (f"nvidia-smi: {words}",)
    if row is None:
        return Finding(
            title="the GPU runs slower than it could",
            cause="the driver keeps its clocks down, for a reason that the tables do not explain",
            evidence=evidence,
            mend="nvidia-smi -q -d PERFORMANCE",
            severity=Severity.NOTE,
        )
    return Finding(
        title=row.name,
        cause=row.meaning,
        evidence=evidence,
        advice=row.advice,
        mend=row.mend,
        severity=Severity(row.severity),
    )


def stays_loaded(case: Case) -> Answer:
    """Ask whether the driver is kept loaded while nothing uses it."""
    if case.driver.persistence:
        return sound("the persistence daemon runs")
    if case.facts.desktop:
        return sound("a desktop keeps the driver loaded")
    missing = case.driver.persistence is None
    return found(
        Finding(
            title=f"the persistence daemon {'is not installed' if missing else 'does not run'}",
            cause="nothing keeps the driver loaded: each first program waits for the GPU to start, and its settings are lost",
            evidence=("no display manager is installed", f"nvidia-persistenced: {'not installed' if missing else 'not running'}"),
            mend=APPLY if missing else "sudo systemctl enable --now nvidia-persistenced",
            severity=Severity.NOTE if missing else Severity.RISK,
        )
    )
