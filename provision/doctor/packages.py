"""Questions about how the driver is installed: at all, from one place, completely, and kept together."""

from __future__ import annotations

from collections.abc import Iterable

from provision.catalog.obstacles import REMOVE_PPA, purge, uninstall
from provision.doctor.case import APPLY, NVIDIA_DRIVERS, Case
from provision.doctor.finding import SILENT, Answer, Finding, Severity, found, sound
from provision.facts.model import DriverPackage
from provision.knowledge import tables
from provision.knowledge.package_name import bound, upstream

_MOST = 3
"""Packages named in one line of evidence."""


def _named(packages: Iterable[DriverPackage]) -> str:
    """Return names and versions, those of the driver's own release first."""
    ordered = sorted(packages, key=lambda package: not upstream(package.version))
    names = [f"{package.name} {package.version}".rstrip() for package in ordered]
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more


def is_installed(case: Case) -> Answer:
    """Ask whether a driver is installed at all."""
    if case.uncollected:
        return found(
            Finding(
                title="these facts say nothing about the driver",
                cause="they were collected by a provision that did not look at it yet",
                evidence=tuple(f"{card.there.slot} is driven by {card.there.driver}" for card in case.cards),
                mend="provision doctor",
                severity=Severity.NOTE,
            )
        )
    if case.installed:
        return sound(" ".join(part for part in (case.version, case.flavour) if part) or "yes")
    bound = {card.there.driver for card in case.cards if card.there.driver} - NVIDIA_DRIVERS
    drives = f"{', '.join(sorted(bound))} drives the card, which makes a picture" if bound else "nothing drives the card"
    return found(
        Finding(
            title="no NVIDIA driver is installed",
            cause=f"{drives}: no program can compute on it",
            evidence=("no package, no kernel module and no library of the driver",),
            mend=APPLY,
        )
    )


def one_origin(case: Case) -> Answer:
    """Ask whether all of the driver comes from one place."""
    origins: dict[str, list[DriverPackage]] = {}
    for package in case.driver.packages:
        if package.origin and bound(package):
            origins.setdefault(package.origin, []).append(package)
    if len(origins) <= 1:
        return sound(next(iter(origins))) if origins else SILENT
    versions = {upstream(package.version) for packages in origins.values() for package in packages} - {""}
    split = len(versions) > 1
    usual = ("ubuntu", "nvidia") if case.facts.system.id == "ubuntu" else ("nvidia", "debian")
    keep = next((origin for origin in usual if origin in origins), "")
    going = [package.name for origin, packages in sorted(origins.items()) if origin != keep for package in packages]
    return found(
        Finding(
            title=f"the driver is mixed from {len(origins)} origins",
            cause="each origin upgrades its own part, so that module and libraries part ways"
            + ("; they have" if split else " at one of the next upgrades"),
            evidence=tuple(f"{origin}: {_named(packages)}" for origin, packages in sorted(origins.items())),
            mend=_without(going, ppa="ppa" in origins),
            severity=Severity.BROKEN if split else Severity.RISK,
        )
    )


def _without(names: list[str], *, ppa: bool) -> str:
    """Return the command that takes packages away, and the PPA that brings them again, and puts the driver back."""
    return " && ".join([*([REMOVE_PPA] if ppa else []), *([purge(names), APPLY] if names else [])])


def no_runfile(case: Case) -> Answer:
    """Ask whether NVIDIA's `.run` installer left something."""
    left = case.driver.runfile
    if not left:
        return sound("no left-over of a `.run` installer")
    packages = case.driver.packages
    lacks = case.running_module is None and not case.container
    return found(
        Finding(
            title="a driver from NVIDIA's `.run` installer is on this machine",
            cause="its files lie over those of the packages, and nobody keeps them in step"
            if packages
            else "apt does not know it, so a new kernel gets no module of it"
            + (f", as {case.facts.kernel.running} did not" if lacks else ""),
            evidence=(f"{left} is there", *((f"packages: {_named(packages)}",) if packages else ())),
            mend=f"{uninstall(left)} && {APPLY}",
            severity=Severity.BROKEN if packages or lacks else Severity.RISK,
        )
    )


def fully_installed(case: Case) -> Answer:
    """Ask whether every package of the driver is fully installed."""
    halves = tuple(package for package in case.driver.packages if not package.sound)
    if not halves:
        return sound(f"{len(case.driver.packages)} packages, none half-installed") if case.driver.packages else SILENT
    return found(
        Finding(
            title="the driver's packages are half-installed",
            cause="an installation was interrupted, or a step of it failed",
            evidence=(_named(halves), *case.log("dkms")),
            mend="sudo dpkg --configure -a && sudo apt-get --fix-broken install",
        )
    )


def held_together(case: Case) -> Answer:
    """Ask whether the packages that bring the driver are held, or all, or none: not some of the others."""
    packages = case.driver.packages
    held = tuple(package for package in packages if package.held)
    if not held:
        return sound("none of its packages is held") if packages else SILENT
    asked = _asked_for(case)
    rest = tuple(package for package in packages if package.name not in asked and not package.name.startswith("linux-"))
    wrong = tuple(package for package in rest if package.held)
    if not wrong or (len(wrong) == len(rest) and any(package.name in asked for package in held)):
        return sound(f"{len(held)} of {len(packages)} packages are held")
    free = tuple(package for package in packages if not package.held)
    return found(
        Finding(
            title="part of the driver is held back",
            cause="apt can neither upgrade nor change the driver: the rest would move on without it",
            evidence=(f"held: {_named(held)}", f"not held: {_named(free) or 'none'}"),
            mend=f"sudo apt-mark unhold {' '.join(package.name for package in wrong)}",
            severity=Severity.RISK,
        )
    )


def _asked_for(case: Case) -> frozenset[str]:
    """Return the packages that are asked for by name, and bring the others along."""
    system = f"{case.facts.system.id}-{case.facts.system.version}"
    origins = {package.origin for package in case.driver.packages}
    rows = (
        row
        for row in tables.knowledge().packages
        if (row.origin in origins or "" in origins)
        and (not row.systems or system in row.systems)
        and row.first_branch <= case.branch <= (row.last_branch or case.branch)
    )
    return frozenset(name.replace("{branch}", str(case.branch)) for row in rows for name in row.packages)


def no_ppa(case: Case) -> Answer:
    """Ask whether a PPA is configured that brings drivers of its own."""
    names = [package.name for package in case.driver.packages if package.origin == "ppa"]
    if "ppa" not in case.driver.sources and not names:
        return SILENT
    return found(
        Finding(
            title="a PPA with drivers is configured",
            cause="it is one origin more, and an upgrade may take the driver from it",
            evidence=(
                *(["apt is configured with a graphics-drivers PPA"] if "ppa" in case.driver.sources else []),
                f"packages from it: {', '.join(names) or 'none'}",
            ),
            mend=_without(names, ppa=True),
            severity=Severity.RISK,
        )
    )
