"""Questions about the kernel module on disk: for which kernels, with what they need, and signed as Secure Boot demands."""

from __future__ import annotations

import re

from provision.doctor.case import APPLY, Case
from provision.doctor.finding import SILENT, Answer, Finding, Severity, found, sound
from provision.facts.model import DkmsBuild, DriverModule
from provision.knowledge import tables

_PREBUILT = re.compile(r"(linux-modules-nvidia-\d+(?:-server)?(?:-open)?)-")
CANONICAL = "Canonical"


def for_the_running_kernel(case: Case) -> Answer:
    """Ask whether there is a module for the running kernel."""
    running = case.facts.kernel.running
    if case.running_module is not None:
        return sound(f"{case.running_module.version} for {running}".strip())
    if case.container:
        return SILENT
    upcoming = case.facts.kernel.next
    if case.next_module is not None and upcoming != running:
        return found(
            Finding(
                title=f"no nvidia module for the running kernel, {running}",
                cause=f"the driver was installed for {upcoming}, which boots next",
                evidence=(f"there is {case.next_module.path}", *_kernels(case)),
                mend="sudo reboot",
            )
        )
    return found(_missing(case, running, f"no nvidia module for the running kernel, {running}"))


def for_the_next_kernel(case: Case) -> Answer:
    """Ask whether there is a module for the kernel that boots next."""
    upcoming = case.facts.kernel.next
    if not upcoming or upcoming == case.facts.kernel.running:
        return SILENT
    if case.next_module is not None:
        return sound(f"{case.next_module.version} for {upcoming}".strip())
    if case.running_module is None:
        return SILENT
    return found(_missing(case, upcoming, f"no nvidia module for the kernel that boots next, {upcoming}"))


def _missing(case: Case, kernel: str, title: str) -> Finding:
    build = _build(case, kernel)
    installed = next((each for each in case.driver.kernels if each.release == kernel), None)
    evidence = _kernels(case)
    if build is not None:
        evidence = (f"dkms: {build.name}/{build.version}, {build.state or 'added'} for {build.kernel or 'no kernel'}", *evidence)
    if case.dkms and installed is not None and not installed.headers:
        cause = "its headers are not installed, and DKMS builds nothing without them"
        mend = f"sudo apt-get install linux-headers-{kernel} && sudo dkms autoinstall -k {kernel}"
    elif build is not None and build.kernel == kernel and build.state == "installed":
        # `dkms autoinstall` passes over it.
        cause = "DKMS holds it for installed, and its file is gone"
        mend = f"sudo dkms install --force {build.name}/{build.version} -k {kernel}"
    elif case.dkms:
        cause, mend = "DKMS has not built it yet", f"sudo dkms autoinstall -k {kernel}"
    elif prefix := _prebuilt(case):
        cause = "the package with the built module for this kernel is not installed"
        mend = f"sudo apt-get install {prefix}-{kernel}"
    else:
        cause, mend = "nothing that is installed brings one", APPLY
    return Finding(title=title, cause=cause, evidence=evidence, mend=mend)


def _build(case: Case, kernel: str) -> DkmsBuild | None:
    """Return what DKMS has for `kernel`, else what it has for none yet."""
    builds = [build for wanted in (kernel, "") for build in case.driver.dkms if build.kernel == wanted]
    return builds[0] if builds else None


def _prebuilt(case: Case) -> str:
    """Return `linux-modules-nvidia-595-open` where such packages are installed."""
    found_names = (_PREBUILT.match(package.name) for package in case.driver.packages)
    return next((name.group(1) for name in found_names if name), "")


def _kernels(case: Case) -> tuple[str, ...]:
    there = ", ".join(f"{module.version or module.name} for {module.kernel}" for module in case.driver.modules)
    return (f"modules on disk: {there or 'none'}",)


def headers_come_along(case: Case) -> Answer:
    """Ask whether DKMS can build for the kernel that boots next, and for those after it."""
    if not case.dkms:
        return SILENT
    upcoming = case.facts.kernel.next or case.facts.kernel.running
    installed = next((each for each in case.driver.kernels if each.release == upcoming), None)
    bare = installed is not None and not installed.headers
    images = [name for name in case.facts.kernel.packages if name.startswith("linux-image-")]
    lacking = [name.replace("linux-image-", "linux-headers-", 1) for name in images]
    lacking = [name for name in lacking if name not in case.facts.kernel.packages]
    if not bare and not lacking:
        return sound("DKMS has the kernel's headers") if installed is not None else SILENT
    missing = [*([f"linux-headers-{upcoming}"] if bare else []), *lacking]
    return found(
        Finding(
            title="kernel headers are missing",
            cause="DKMS builds the module for each new kernel or driver, and needs them for it",
            evidence=tuple(f"{name} is not installed" for name in missing),
            mend=f"sudo apt-get install {' '.join(missing)}",
            severity=Severity.RISK,
        )
    )


def signed(case: Case) -> Answer:
    """Ask whether the modules are signed as Secure Boot demands, by a key that is enrolled."""
    if not case.facts.secure_boot:
        return sound({False: "Secure Boot is off", None: ""}[case.facts.secure_boot])
    modules = tuple(dict.fromkeys(module for module in (case.running_module, case.next_module) if module is not None))
    unsigned = tuple(module for module in modules if not module.signer)
    if unsigned:
        return found(_unsigned(case, unsigned))
    own = tuple(module for module in modules if CANONICAL not in module.signer)
    if own and case.driver.mok_enrolled is False:
        return found(_not_enrolled(case, own))
    return sound(f"Secure Boot is on, signed by {modules[0].signer}") if modules else SILENT


def _unsigned(case: Case, modules: tuple[DriverModule, ...]) -> Finding:
    accepted = bool(case.driver.loaded)
    return Finding(
        title="the nvidia module is not signed, and Secure Boot is on",
        cause="it is loaded all the same, so shim's validation is switched off"
        if accepted
        else "DKMS had no key to sign it with, and the kernel takes none without a signature",
        evidence=(*(f"{module.path} has no signer" for module in modules), *case.log("unavailable key", "key was rejected")),
        mend=APPLY,
        severity=Severity.RISK if accepted else Severity.BROKEN,
    )


def _not_enrolled(case: Case, modules: tuple[DriverModule, ...]) -> Finding:
    ubuntu = case.facts.system.id == "ubuntu"
    enrol = "sudo update-secureboot-policy --enroll-key" if ubuntu else "sudo mokutil --import /var/lib/dkms/mok.pub"
    return Finding(
        title="the key that signed the nvidia module is not enrolled, and Secure Boot is on",
        cause="the firmware does not know the machine's own key (MOK); somebody confirms it at the console at the next boot",
        evidence=(
            *(f"{module.path} is signed by {module.signer}" for module in modules),
            *case.log("unavailable key", "key was rejected"),
        ),
        mend=f"{enrol} && sudo reboot",
        severity=Severity.RISK if case.driver.loaded else Severity.BROKEN,
    )


def no_orphans(case: Case) -> Answer:
    """Ask whether a package owns every kernel in /boot."""
    orphans = [kernel.release for kernel in case.driver.kernels if not kernel.owned]
    if not orphans:
        return sound(f"{len(case.driver.kernels)} in /boot, each owned by a package") if case.driver.kernels else SILENT
    running, upcoming = case.facts.kernel.running, case.facts.kernel.next
    used = ["runs" if running in orphans else "", "boots next" if upcoming in orphans else ""]
    lacks = any(kernel in orphans and case.module(kernel) is None for kernel in (running, upcoming))
    image = next((name for name in case.facts.kernel.packages if name.startswith("linux-image-")), "linux-image-generic")
    remove = " ".join(f"/boot/*-{release}" for release in orphans)
    return found(
        Finding(
            title=f"{', '.join(orphans)} in /boot belongs to no package",
            cause="nothing brings nvidia modules or security fixes for it, and "
            + (f"it is the one that {' and '.join(filter(None, used))}" if any(used) else "GRUB may boot it"),
            evidence=(*(f"/boot/vmlinuz-{release} is owned by no package" for release in orphans), *_kernels(case)),
            mend=f"sudo apt-get install {image} && sudo reboot"
            if running in orphans
            else f"sudo rm {remove} && sudo update-grub",
            severity=Severity.BROKEN if lacks else Severity.RISK,
        )
    )


def built(case: Case) -> Answer:
    """Ask whether DKMS built the module for the running kernel and the one that boots next."""
    kernels = {release for release in (case.facts.kernel.running, case.facts.kernel.next) if case.module(release) is None}
    failed = [build for build in case.driver.dkms if build.state == "failed" and build.kernel in kernels]
    if not failed:
        return sound("nothing failed") if case.dkms else SILENT
    log = f"/var/lib/dkms/{failed[0].name}/{failed[0].version}/build/make.log"
    today = case.today.isoformat()
    outdated = any(row.number == case.branch and "" < row.end_of_life < today for row in tables.knowledge().branches)
    halves = [package.name for package in case.driver.packages if not package.sound]
    return found(
        Finding(
            title=f"DKMS could not build the nvidia module for {', '.join(build.kernel for build in failed)}",
            cause="the kernel or the compiler is newer than this driver knows, or the build lacked something; the log says which",
            evidence=(
                *(f"dkms: {build.name}/{build.version}, {build.kernel}: failed" for build in failed),
                f"the compiler's words: {log}",
                *((f"half-installed: {', '.join(halves)}",) if halves else ()),
                *_kernels(case),
            ),
            mend=APPLY if outdated else f"sudo tail -n 40 {log}",
        )
    )
