"""The gate before a reboot: it looks at the kernel that boots next, and lets DKMS mend what DKMS can."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent import driver
from provision.agent.driver import Module, Source
from provision.agent.host import Reader
from provision.agent.provider import Pending
from provision.agent.steps import Run, Step
from provision.errors import NotConvergedError
from provision.plan.model import Change, Diff, Status, differs, same
from provision.resources.driver_module import DriverModule

_BUILT = frozenset({"module", "kernel", "version", "flavour"})
"""What a build by DKMS can change."""
_SECONDS = 180


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The kernel that boots next (empty: none is installed here), its module, its headers, and what DKMS could build.

    `enrolled` is `driver.enrolled` of the key that signed the module.
    """

    kernel: str
    module: Module | None = None
    headers: bool = False
    enrolled: str = ""
    sources: tuple[Source, ...] = ()
    certificate: str = ""
    """Of the key that DKMS signs with."""


class DriverModules:
    """What DKMS says of its own success counts for nothing: the second look decides."""

    def observe(self, want: DriverModule, host: Reader) -> Observed:
        kernel = driver.next_kernel(host)
        if not kernel:
            return Observed(kernel="")
        module = driver.module(kernel, host)
        found = Observed(
            kernel=kernel,
            module=module,
            headers=driver.headers(kernel, host),
            enrolled=driver.enrolled(module.key, host) if module and want.signed else "",
        )
        if not _lacks(want, found):
            return found
        return dataclasses.replace(found, sources=tuple(driver.sources(kernel, host)), certificate=driver.certificate(host))

    def diff(self, want: DriverModule, have: Observed, pending: Pending) -> Diff:
        if pending.kind("packages"):
            return Diff(status=Status.KNOWN_AFTER_APPLY, why="looked at once the packages are there, before any reboot")
        lacks = _lacks(want, have)
        if not lacks:
            return same(_why(want, have))
        mends = _mends(want, have)
        why = f"{have.kernel} boots next; " + ("DKMS builds it" if mends else "without it the run ends before the reboot")
        return differs(*lacks, why=why, seconds=_SECONDS if mends else None)

    def steps(self, want: DriverModule, have: Observed) -> Iterator[Step]:
        for source in _fitting(want, have) if _mends(want, have) else ():
            yield Run(
                # Not `autoinstall`: it passes over what DKMS holds for installed, though its file be gone.
                argv=("dkms", "install", "--force", f"{source.name}/{source.version}", "-k", have.kernel),
                says=f"building the driver's module for {have.kernel}",
                timeout=1800,
                # Whatever it answers: the module is looked at again, and then the log is shown.
                accept=tuple(range(256)),
            )

    def stuck(self, want: DriverModule, have: Observed) -> NotConvergedError:
        """Return why the machine is not to be rebooted, with the end of the build's log."""
        lacks = _lacks(want, have)
        failed = next((source for source in have.sources if source.log), None)
        what = ", ".join(f"{each.field} {each.before}, wanted {each.after}" for each in lacks)
        return NotConvergedError(
            f"no reboot: {have.kernel} boots next, and its driver is not ready there: {what}",
            hint=_hint(want, have, failed),
            evidence="\n".join((f"{failed.log}:", *failed.said)) if failed else "",
        )


def _lacks(want: DriverModule, have: Observed) -> tuple[Change, ...]:
    """Return what the next kernel is short of."""
    found = []
    module = have.module
    if not have.kernel:
        return ()
    if module is None:
        found.append(Change(field="module", before="absent", after=f"for {have.kernel}"))
    else:
        if module.kernel != have.kernel:
            found.append(Change(field="kernel", before=f"built for {module.kernel}", after=have.kernel))
        if want.branch not in {0, module.branch}:
            found.append(Change(field="version", before=module.version, after=f"{want.branch}"))
        if want.flavour not in {"", module.flavour}:
            found.append(Change(field="flavour", before=module.flavour or "unknown", after=want.flavour))
        if want.signed:
            found += _signature(module, have)
    if want.headers and not have.headers:
        found.append(Change(field="headers", before="absent", after=f"/lib/modules/{have.kernel}/build"))
    return tuple(found)


def _signature(module: Module, have: Observed) -> Iterator[Change]:
    if not module.signer and not module.key:
        yield Change(field="signature", before="absent", after="by a key the firmware knows")
    elif not module.distributed and have.enrolled == "no":
        yield Change(
            field="signature", before=f"by {_signer(module)}, which is not enrolled", after="by a key the firmware knows"
        )


def _signer(module: Module) -> str:
    return module.signer or f"key {module.key}"


def _mends(want: DriverModule, have: Observed) -> bool:
    """Return whether DKMS has a source that may give what is missing, and headers to build it with."""
    built = any(change.field in _BUILT for change in _lacks(want, have))
    return built and have.headers and bool(_fitting(want, have))


def _fitting(want: DriverModule, have: Observed) -> tuple[Source, ...]:
    """Return the sources of the wanted branch."""
    return tuple(source for source in have.sources if not want.branch or source.version.startswith(f"{want.branch}."))


def _why(want: DriverModule, have: Observed) -> str:
    module = have.module
    if module is None:
        return "no kernel is installed here: nothing boots next"
    words = " ".join(filter(None, (module.version, module.flavour)))
    signed = f", signed by {_signer(module)}" if module.signer or module.key else ""
    if want.signed and have.enrolled == "at boot" and not module.distributed:
        signed += " (choose `Enroll MOK` at the console when it boots)"
    return f"{words}{signed}, for {have.kernel}, which boots next"


def _hint(want: DriverModule, have: Observed, failed: Source | None) -> str:
    """Return what to type next for the first thing that is missing."""
    fields = [change.field for change in _lacks(want, have)]
    source = failed or next(iter(have.sources), None)
    if "headers" in fields or (source and not have.headers and _BUILT.intersection(fields)):
        return f"`sudo apt-get install linux-headers-{have.kernel}`, then apply again"
    if failed:
        again = f"`sudo dkms install {failed.name}/{failed.version} -k {have.kernel}`"
        return f"`less {failed.log}` is the whole log; {again} tries again"
    if fields == ["signature"] and have.enrolled == "no" and have.certificate and have.module and have.module.key:
        return f"`sudo mokutil --import {have.certificate}` asks for a new password; apply again, and `Enroll MOK` when it boots"
    if source and fields in (["module"], ["signature"]):
        return f"`sudo dkms install --force {source.name}/{source.version} -k {have.kernel}` builds and signs it, or says why not"
    if have.module:
        return f"`modinfo {have.module.path}` shows what is there; `provision explain` what is wanted, and why"
    return f"`find /lib/modules/{have.kernel} -name 'nvidia*.ko*'` finds none; `provision plan nvidia` says what brings it"


provider = DriverModules()
