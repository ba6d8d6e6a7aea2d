"""What stands in the way of a driver: what a person has to take away, what goes by itself, and what they should know of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.catalog.origins import of_driver
from provision.errors import InputError
from provision.facts.model import DriverPackage, Facts
from provision.knowledge.package_name import BUILT, branch_of, flavour_of
from provision.knowledge.words import listed, origin_name

if TYPE_CHECKING:
    from provision.knowledge.stack import DriverChoice

REMOVE_PPA = "sudo add-apt-repository --remove ppa:graphics-drivers/ppa"
_MOST = 6
"""Packages that a sentence names."""


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """What a person has to take away: `commands` do it, `instead` says what else would do."""

    message: str
    commands: tuple[str, ...]
    instead: str = ""

    @property
    def hint(self) -> str:
        """What to type."""
        return "; then ".join(f"`{command}`" for command in self.commands) + self.instead


def uninstall(left: str) -> str:
    """Return how to take a `.run` driver away, by what it left: its uninstaller, the installer, or a log."""
    if left.endswith("-uninstall"):
        return f"sudo {left} --silent"
    return f"sudo {left} --uninstall --silent" if left.endswith("-installer") else "sudo sh NVIDIA-Linux-*.run --uninstall"


def purge(names: Iterable[str]) -> str:
    """Return the command that takes packages away with their configuration."""
    return f"sudo apt-get purge {' '.join(names)}"


def server_edition(facts: Facts) -> int:
    """Return the branch of Ubuntu's `-server` edition that is installed (it goes with NVSwitch's daemons), 0 for none."""
    named = (package.name for package in facts.driver.packages if "server" in package.name.split("-"))
    return max((branch_of(name) for name in named), default=0)


def leftovers(facts: Facts, driver: DriverChoice) -> tuple[str, ...]:
    """Return the installed packages that have to go: another branch's, another flavour's, another origin's.

    Those of another origin that are called as the wanted ones do not go by themselves: `check` names them.
    """
    wrong = set(_other_branches(facts, driver))
    for package in _others(facts, driver):
        same_origin = package.origin in {"", driver.origin}
        if (same_origin and _clashes(package.name, facts, driver)) or _of_another_origin(package, facts, driver):
            wrong.add(package.name)
    return tuple(package.name for package in facts.driver.packages if package.name in wrong)


def in_the_way(facts: Facts, driver: DriverChoice) -> tuple[Obstacle, ...]:
    """Return everything that a person has to take away before `driver` can come."""
    return (*_runfile(facts), *_ppa(facts), *_mixed(facts, driver), *_held(facts, driver))


def check(facts: Facts, driver: DriverChoice) -> None:
    """Raise `InputError` with what is in the way, and the commands that take it away."""
    found = in_the_way(facts, driver)
    if found:
        raise InputError("\n".join(each.message for each in found), hint="\n".join(each.hint for each in found))


def warnings(facts: Facts, driver: DriverChoice) -> Iterator[str]:
    """Yield what a person should know before they agree."""
    going = leftovers(facts, driver)
    for origin in dict.fromkeys(package.origin for package in facts.driver.packages if package.name in going):
        names = [package.name for package in facts.driver.packages if package.name in going and package.origin == origin]
        other = bool(origin) and origin != driver.origin
        whose = f" from {origin_name(origin)}" if other else ""
        keep = f'; `[nvidia] origin = "{origin}"` keeps them' if other else ""
        yield f"{_counted(names)}{whose} {'goes' if len(names) == 1 else 'go'}: {_named(names)}{keep}"
    flavours = {module.flavour for module in facts.driver.modules} - {"", driver.flavour}
    if flavours:
        yield f"the {flavours.pop()} kernel module is installed, the {driver.flavour} one is needed"
    half = [package.name for package in facts.driver.packages if not package.sound]
    if half:
        yield f"{_named(half)} {'is' if len(half) == 1 else 'are'} only half installed; dpkg finishes that first"
    kernels = facts.driver.kernels
    without = [kernel.release for kernel in kernels if kernel.release == facts.kernel.next and not kernel.headers]
    if without and not driver.signed:
        yield f"kernel {without[0]} boots next and has no headers: they are installed too, so that the module can be built"
    orphans = [kernel.release for kernel in kernels if not kernel.owned]
    if orphans:
        whose = "boots next, and belongs" if facts.kernel.next in orphans else "in /boot belongs"
        yield f"kernel {listed(orphans)} {whose} to no package: no signed module and no headers come for it"


def _runfile(facts: Facts) -> Iterator[Obstacle]:
    left = facts.driver.runfile
    if left:
        message = f"NVIDIA's own installer (`.run`) put a driver here, of which dpkg knows nothing: `{left}`"
        yield Obstacle(message=message, commands=(uninstall(left),), instead=" takes it away")


def _ppa(facts: Facts) -> Iterator[Obstacle]:
    names = [package.name for package in facts.driver.packages if package.origin == "ppa"]
    if "ppa" in facts.driver.sources or names:
        has = f", and {_counted(names)} are from it" if names else ""
        commands = (REMOVE_PPA, purge(names)) if names else (REMOVE_PPA,)
        yield Obstacle(message=f"the graphics-drivers PPA is a third origin of drivers{has}", commands=commands)


def _mixed(facts: Facts, driver: DriverChoice) -> Iterator[Obstacle]:
    """Yield the packages of another origin that are called as the wanted ones: apt would count them as installed."""
    strangers = [package for package in facts.driver.packages if _stranger(package, driver) and package.origin != "ppa"]
    same = [package for package in strangers if not _of_another_origin(package, facts, driver)]
    same = [package for package in same if package.name not in _other_branches(facts, driver)]
    if same:
        names = [package.name for package in same]
        whose = listed(dict.fromkeys(origin_name(package.origin) for package in same))
        keep = "" if len({package.origin for package in same}) > 1 else same[0].origin
        are, own = "is" if len(names) == 1 else "are", origin_name(driver.origin)
        message = f"{_counted(names)} of the driver {are} from {whose}, and {own}'s has some of the same names: {_named(names)}"
        instead = f', or `[nvidia] origin = "{keep}"` keeps them' if keep else ""
        yield Obstacle(message=message, commands=(purge(names),), instead=instead)


def _held(facts: Facts, driver: DriverChoice) -> Iterator[Obstacle]:
    """Yield holds of others on what has to change; our own, and those on what goes, are lifted by the run."""
    installed = {package.name for package in facts.driver.packages}
    going = leftovers(facts, driver)
    if installed.issuperset(name for name in driver.packages if "nvidia" in name or "cuda" in name) and not going:
        return
    held = [package.name for package in facts.driver.packages if package.held and package.name not in {*going, *driver.packages}]
    if held:
        message = f"held, so that apt cannot change the driver: {_named(held)}"
        yield Obstacle(message=message, commands=(f"sudo apt-mark unhold {' '.join(held)}",))


def _others(facts: Facts, driver: DriverChoice) -> list[DriverPackage]:
    return [package for package in facts.driver.packages if package.name not in driver.packages]


def _other_branches(facts: Facts, driver: DriverChoice) -> Iterator[str]:
    """Yield packages called after another branch; a transitional one (570 that is 580 by its version) is none."""
    named = [(package, branch_of(package.name)) for package in _others(facts, driver) if branch_of(package.name)]
    own = str(driver.branch)
    real = {
        branch
        for package, branch in named
        if branch != driver.branch and not package.name.startswith(BUILT) and package.version.partition(".")[0] != own
    }
    for package, branch in named:
        if branch in real and package.version.partition(".")[0] != own:
            yield package.name


def _clashes(name: str, facts: Facts, driver: DriverChoice) -> bool:
    """Whether a package of the wanted branch and origin is of the other flavour, or another edition, or hides signed modules."""
    parts = name.split("-")
    server = any("server" in wanted.split("-") for wanted in driver.packages)
    if branch_of(name) == driver.branch and ("server" in parts) != server:
        return True
    if driver.signed and name.startswith("nvidia-dkms-"):
        return True  # modprobe prefers what DKMS built, which Secure Boot may refuse
    return flavour_of(name, ubuntu=facts.system.id == "ubuntu") not in {"", driver.flavour}


def _stranger(package: DriverPackage, driver: DriverChoice) -> bool:
    return package.origin not in {"", driver.origin} and of_driver(package.name, package.origin)


def _of_another_origin(package: DriverPackage, facts: Facts, driver: DriverChoice) -> bool:
    """Whether it is another origin's under a name of its own: only Ubuntu's names tell, which have the branch in them."""
    if _stranger(package, driver) and "-pinning-" in package.name:
        return True
    branches = any(branch_of(name) == driver.branch for name in driver.packages if "-pinning-" not in name)
    return facts.system.id == "ubuntu" and _stranger(package, driver) and bool(branch_of(package.name)) != branches


def _counted(names: list[str]) -> str:
    return f"{len(names)} package{'' if len(names) == 1 else 's'}"


def _named(names: list[str]) -> str:
    more = len(names) - _MOST
    return f"{', '.join(names[:_MOST])} and {more} more" if more > 1 else ", ".join(names)
