"""The NVIDIA driver that the tables pair with this machine's GPUs, a gate before the reboot, and the proof that it answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from provision.catalog import obstacles
from provision.catalog.origins import pins, sources
from provision.catalog.role import Circumstances, Note, Unfit, role
from provision.catalog.stack import stack_of, unsolvable, warnings
from provision.catalog.templates import template
from provision.checks.model import Check, Probe
from provision.errors import InputError, ProvisionError
from provision.facts.model import Facts
from provision.knowledge.words import listed, origin_name
from provision.profile.model import Profile
from provision.resources import DriverModule, File, Initramfs, Packages, Reboot, Resource, Service, Unit

if TYPE_CHECKING:
    from provision.knowledge.stack import DriverChoice, Stack

CONTAINERS = ("container-other", "docker", "lxc", "lxc-libvirt", "openvz", "podman", "proot", "rkt", "systemd-nspawn", "wsl")
"""systemd-detect-virt's words for machines that run on somebody else's kernel, and so on its driver."""
DISPLAY = frozenset({"Xorg", "Xwayland", "gnome-shell", "kwin_wayland", "kwin_x11", "plasmashell", "sddm", "sddm-greeter"})
"""Programs that hold every GPU with a screen: they keep what they have open until the reboot, and no job is lost with them."""
REPLACES = frozenset({"driver_module", "packages", "reboot", "unit"})
"""Kinds that take the driver from under those who use it; telling systemd of a unit takes the GPU from containers."""
DAEMON = "nvidia-persistenced.service"


def _contained(facts: Facts) -> bool:
    return facts.virtualization in CONTAINERS


def _none(profile: Profile, facts: Facts) -> str:
    if profile.nvidia.gpus:
        return ""
    if _contained(facts):
        return f"a container ({facts.virtualization}) has its host's driver"
    return "" if facts.nvidia_gpus else "no NVIDIA GPU"


def _skipped(profile: Profile, facts: Facts) -> str:
    return _none(profile, facts) or unsolvable(profile, facts) or _left_alone(profile, facts)


def _left_alone(profile: Profile, facts: Facts) -> str:
    """Return why a driver that is there is not touched unasked: the tables have no `-server` packages to keep it by."""
    branch = obstacles.server_edition(facts)
    if not branch or profile.nvidia.branch != "auto":
        return ""
    return Unfit(f"the `-server` edition of driver {branch} is installed, and stays as it is")


def _stops(profile: Profile, facts: Facts, circumstances: Circumstances) -> ProvisionError | None:
    driver = stack_of(profile, facts).driver
    if driver is None or not REPLACES & circumstances.pending:
        return None
    if circumstances.remote and facts.secure_boot and not driver.signed and not facts.driver.mok_enrolled:
        return _nobody_at_the_console(facts, driver)
    users = [user for user in facts.driver.users if user.partition(" (")[0] not in DISPLAY]
    if users and not circumstances.even_if_busy:
        return ProvisionError(
            f"the GPU is in use by {listed(users)}: they would lose the driver",
            hint="wait until they are done, or `--even-if-busy`",
        )
    return None


def _nobody_at_the_console(facts: Facts, driver: DriverChoice) -> ProvisionError:
    ubuntu = facts.system.id == "ubuntu"
    enrol = "update-secureboot-policy --enroll-key" if ubuntu else "mokutil --import /var/lib/dkms/mok.pub"
    signed = '; or `[nvidia] origin = "ubuntu"`: its modules are signed already, and need none of this' if ubuntu else ""
    whose = origin_name(driver.origin)
    return ProvisionError(
        f"Secure Boot is on, and what {whose}'s packages bring is built and signed on the machine itself: its key (MOK) has to "
        "be enrolled by a person who sits there, and until then the driver does not load",
        hint=f"at its console: `sudo provision apply nvidia`, then `sudo {enrol}`, which asks for a new password, reboot, and on "
        f"the blue screen `Enroll MOK`, `Continue` and that password{signed}",
    )


@role(after=("base",), skipped=_skipped, stops=_stops)
def nvidia(profile: Profile, facts: Facts) -> Iterator[Resource | Check | Note]:
    """Yield the driver from one origin, the gate before the reboot, and the checks."""
    if why := _none(profile, facts):
        raise InputError(why, hint='`[nvidia] gpus = ["10de:1e84"]` prepares for a card that is not here (`lspci -nn` shows ids)')
    if why := _left_alone(profile, facts):
        raise InputError(why, hint=f'`[nvidia] branch = "{obstacles.server_edition(facts)}"` puts the usual edition in its place')
    stack = stack_of(profile, facts)
    driver = stack.driver
    if driver is None:
        return
    obstacles.check(facts, driver)
    yield _note(facts, stack, driver)
    yield from sources(profile, facts, driver.origin)
    yield from pins(facts, driver.origin)
    yield from _packages(facts, driver)
    yield DriverModule(flavour=driver.flavour, branch=driver.branch, signed=bool(facts.secure_boot), headers=not driver.signed)
    # Only now: a machine whose module could not be had boots with the driver it has.
    nouveau = File(path="/etc/modprobe.d/provision-nouveau.conf", content=template("nvidia/nouveau.conf"))
    yield nouveau
    yield Initramfs(after=(nouveau.path,))
    # Without a card on the bus nothing loads the module, and a container boots no kernel.
    if facts.nvidia_gpus and not _contained(facts):
        yield Reboot(name="nvidia", because=_because(facts, driver), unless_loaded="nvidia")
        yield from _persistence(facts, driver)
    yield from _checks(facts)


def _note(facts: Facts, stack: Stack, driver: DriverChoice) -> Note:
    how = "signed modules" if driver.signed else "modules built here (DKMS)"
    return Note(
        summary=f"{driver.branch} {driver.flavour}, {how} from {origin_name(driver.origin)}",
        why="; ".join(_why(stack, driver)),
        warnings=(*warnings(stack, toolkits=False), *obstacles.warnings(facts, driver)),
    )


def _why(stack: Stack, driver: DriverChoice) -> Iterator[str]:
    """Yield the resolver's reason for the branch, the next best, and why the newest is not it."""
    yield from (reason.removeprefix(f"{driver.branch} is the ") for reason in stack.reasons[:1])
    others = [(each.choice.removeprefix("driver "), each.because) for each in stack.rejected if each.choice.startswith("driver ")]
    single = [(int(branch), because) for branch, because in others if branch.isdigit()]
    yield from (f"{branch} would do" for branch, because in single if because.startswith("would do"))
    newer = (f"{branch} is {because}" for branch, because in single if branch > driver.branch and because.startswith("not known"))
    yield from list(newer)[:1]


def _packages(facts: Facts, driver: DriverChoice) -> Iterator[Resource]:
    """Yield the branch's pin first, then one transaction: what goes, headers, modules, and the held rest."""
    pinning = tuple(name for name in driver.packages if "-pinning-" in name)
    following = tuple(name for name in driver.packages if name.startswith(("linux-", "zstd")))
    rest = tuple(name for name in driver.packages if name not in {*pinning, *following})
    if facts.system.id == "debian":  # elsewhere it comes along
        rest = tuple(dict.fromkeys((*rest, "nvidia-persistenced")))
    if pinning:
        yield Packages(names=pinning)
    # Unattended upgrades would swap the driver under a running job; `Package-Blacklist` also covers what it depends on.
    yield File(
        path="/etc/apt/apt.conf.d/52provision-nvidia",
        content=template("nvidia/52provision-nvidia"),
        validate=("apt-config", "-c", "{}", "dump"),
    )
    going = obstacles.leftovers(facts, driver)
    # Not held: each new kernel brings its own, which are of this driver's version or not installed at all.
    following = (*following, *_headers(facts, driver))
    if following:
        yield Packages(names=following, recommends=facts.desktop, replaces=going)
    yield Packages(names=rest, hold=True, recommends=facts.desktop, replaces=going)


def _headers(facts: Facts, driver: DriverChoice) -> tuple[str, ...]:
    """Return the headers of the kernel that boots next, where the metapackage may mean a newer one by now."""
    release = facts.kernel.next
    there = any(kernel.release == release and kernel.headers for kernel in facts.driver.kernels)
    return () if driver.signed or not release or there else (f"linux-headers-{release}",)


def _because(facts: Facts, driver: DriverChoice) -> str:
    bound = {gpu.driver for gpu in facts.nvidia_gpus} - {"", "nvidia"}
    holds = facts.driver.nouveau or min(bound, default="")
    if holds:
        return f"{holds} holds the GPU"
    loaded = facts.driver.loaded
    if loaded.partition(".")[0] == str(driver.branch):
        return f"{loaded} is loaded, another build of it is on disk"
    return f"{loaded or 'no driver'} is loaded, {driver.branch} is on disk"


def _persistence(facts: Facts, driver: DriverChoice) -> Iterator[Resource]:
    """Yield the daemon that keeps the GPU awake; Ubuntu's is started by udev, and told not to."""
    if facts.system.id != "ubuntu":
        yield Service(unit=DAEMON)
    elif driver.origin == "ubuntu" or facts.driver.persistence is not None:  # not with each of NVIDIA's sets of packages
        keeps = Unit(name=DAEMON, dropin="provision", content=template("nvidia/persistenced.conf"))
        yield keeps
        yield Service(unit=DAEMON, enabled=None, restart_after=(keeps.path,))


def _checks(facts: Facts) -> Iterator[Check]:
    def probe(script: str, *words: str) -> Probe:
        return Probe(argv=("/usr/bin/python3", "-", *words), stdin=template(f"checks/{script}.py"), timeout=60)

    yield Check(
        name="driver agrees",
        proves="the loaded module, the user-space library and the module on disk are of one version",
        probe=probe("driver_agrees"),
        hint="`provision doctor` says which of them is off; a reboot mends an upgrade under a loaded module",
    )
    yield Check(
        name="nouveau is gone",
        proves="no free driver holds a GPU, and none will at the next boot",
        probe=probe("nouveau_absent"),
        hint="`provision apply nvidia`, then a reboot",
    )
    yield Check(
        name="GPU answers",
        proves="NVML lists every NVIDIA GPU that is on the bus",
        probe=probe("nvml", str(len(facts.nvidia_gpus))),
        hint="`provision doctor` says why one does not",
    )
    yield Check(
        name="GPU stays awake",
        proves="persistence is on, so that no job waits for the driver to start",
        probe=probe("persistence"),
        hint=f"`systemctl status {DAEMON}` says why",
    )
