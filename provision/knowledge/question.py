"""A wish made concrete: its names looked up in the tables."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn, TypeVar

from provision.errors import InputError
from provision.knowledge.model import OPEN, PROPRIETARY, Architecture, Branch, Build, Gpu, Knowledge, System, Toolkit, number
from provision.knowledge.stack import AUTO, Wish

NVIDIA = "10de"
ARCHITECTURES = ("amd64", "arm64")
_PCI = re.compile(r"([0-9a-f]{4}):([0-9a-f]{4})")
_FRAMEWORK = re.compile(r"([a-z][a-z0-9_-]*)(?:==(\d+(?:\.\d+)*)(?:\.\*)?)?")
_Row = TypeVar("_Row")


@dataclass(frozen=True, kw_only=True)
class Framework:
    """A framework that is wanted; `version` is what was asked for, empty for the newest that fits."""

    name: str
    version: str = ""

    def takes(self, version: str) -> bool:
        """Whether release line `version` is, or holds, what was asked for (`2.14` holds `2.14.1`)."""
        asked = f"{self.version}."
        return not self.version or asked.startswith(f"{version}.") or f"{version}.".startswith(asked)

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()


@dataclass(frozen=True, kw_only=True)
class Question:
    """A wish, and the rows it is about.

    `unknown` are ids of NVIDIA's that are not in the tables, `foreign` those of other makers. `driven`: a driver is needed.
    """

    wish: Wish
    knowledge: Knowledge
    system: System
    cards: tuple[Gpu, ...]
    unknown: tuple[str, ...]
    foreign: tuple[str, ...]
    driven: bool
    frameworks: tuple[Framework, ...]

    @property
    def branch(self) -> int:
        """The branch that was asked for, 0 for any."""
        return 0 if self.wish.branch == AUTO else int(self.wish.branch)

    @property
    def kernel(self) -> str:
        """The flavour of the machine's kernel packages."""
        return (self.wish.kernel or self.system.kernel).format(architecture=self.wish.architecture)

    @cached_property
    def kinds(self) -> tuple[Gpu, ...]:
        """The cards, each kind once."""
        return tuple({card.pci: card for card in self.cards}.values())

    @cached_property
    def architectures(self) -> tuple[Architecture, ...]:
        """The cards' architectures, each once."""
        return tuple({card.architecture.name: card.architecture for card in self.cards}.values())

    def floor(self, major: int) -> str:
        """Return the oldest driver that runs CUDA `major`."""
        return next((row.driver for row in self.knowledge.runtimes if row.major == major), "0")

    def toolkit(self, version: str) -> Toolkit | None:
        """Return the toolkit line `version`."""
        return next((row for row in self.knowledge.toolkits if row.version == version), None)

    def requirement(self, build: Build) -> str:
        """Return what pip is asked for to get `build`: the very release that was asked for, where that says more."""
        exact = next((row.version for row in self.frameworks if row.name == build.framework), "")
        name = re.split("[=<>~!]", build.requirement)[0]  # with its extras
        return f"{name}=={exact}" if exact.startswith(f"{build.version}.") else build.requirement

    def branch_row(self, branch: int) -> Branch:
        """Return what is known of a branch."""
        return next(row for row in self.knowledge.branches if row.number == branch)


def at_least(version: str, floor: str) -> bool:
    """Whether `version` is `floor` or newer."""
    return number(version) >= number(floor)


def covers(capabilities: Iterable[str], card: str) -> bool:
    """Whether code compiled for one of `capabilities` runs on `card`: same major, no higher minor; on an unknown one: no."""
    if not card:
        return False
    major, minor = number(card)
    return any(own == major and least <= minor for own, least in map(number, capabilities))


def ask(wish: Wish, knowledge: Knowledge) -> Question:
    """Return `wish` with its names looked up; raises `InputError`, with the nearest name, for one that nobody knows."""
    system = _one_of("system", wish.system, {row.id: row for row in knowledge.systems})
    if wish.branch != AUTO:
        _one_of("driver branch", wish.branch, {str(row.number): row for row in knowledge.branches})
    if wish.flavour != AUTO:
        _one_of("kernel module flavour", wish.flavour, {OPEN: 0, PROPRIETARY: 0})
    if wish.origin != AUTO:
        _one_of("driver origin", wish.origin, {row.origin: row for row in knowledge.drivers})
    for version in wish.toolkits:
        if version != AUTO:
            _one_of("CUDA toolkit", version, {row.version: row for row in knowledge.toolkits})
    if wish.python != AUTO:
        _one_of("Python", wish.python, {row.version: row for row in knowledge.pythons})
    _one_of("architecture", wish.architecture, dict.fromkeys(ARCHITECTURES))
    ids = [_id(text) for text in wish.gpus]
    known = {gpu.pci: gpu for gpu in knowledge.gpus if gpu.pci in ids}
    return Question(
        wish=wish,
        knowledge=knowledge,
        system=system,
        cards=tuple(known[pci] for pci in ids if pci in known),
        unknown=tuple(dict.fromkeys(pci for pci in ids if pci not in known and pci.startswith(NVIDIA))),
        foreign=tuple(dict.fromkeys(pci for pci in ids if not pci.startswith(NVIDIA))),
        driven=any(pci in known for pci in ids),
        frameworks=_frameworks(wish.frameworks, knowledge),
    )


def _id(text: str) -> str:
    if not _PCI.fullmatch(text.lower()):
        raise InputError(f"`{text}` is not a PCI id", hint="four and four hexadecimal digits, as `lspci -nn` prints: `10de:1e84`")
    return text.lower()


def _frameworks(texts: tuple[str, ...], knowledge: Knowledge) -> tuple[Framework, ...]:
    found: dict[str, Framework] = {}
    for text in texts:
        match = _FRAMEWORK.fullmatch(text)
        if not match:
            raise InputError(f"`{text}` is not a framework", hint="a name, with a version if you wish, such as `torch==2.14`")
        framework = Framework(name=match[1], version=match[2] or "")
        versions = {row.version: row for row in knowledge.builds if row.framework == framework.name}
        if not versions:
            _one_of("framework", framework.name, {row.framework: row for row in knowledge.builds})
        if not any(map(framework.takes, versions)):
            _one_of(f"{framework.name} release", framework.version, versions)
        if found.setdefault(framework.name, framework) != framework:
            raise InputError(f"`{framework.name}` was asked for twice, in different versions", hint="name each framework once")
    return tuple(found.values())


def _one_of(kind: str, text: str, known: dict[str, _Row]) -> _Row:
    if text not in known:
        _unknown(kind, text, list(known))
    return known[text]


def _unknown(kind: str, text: str, known: list[str]) -> NoReturn:
    near = _nearest(text, known)
    raise InputError(f"unknown {kind} `{text}`", hint=f"did you mean `{near}`?" if near else "known: " + ", ".join(known))


def _nearest(text: str, known: list[str]) -> str:
    """Return the known name nearest to `text`: of versions the nearest number, of words the nearest spelling."""
    if re.fullmatch(r"\d{1,6}(\.\d{1,6}){0,3}", text):
        wanted = number(text)
        versions = [name for name in known if re.fullmatch(r"\d+(\.\d+)*", name)]
        apart = {name: [abs(a - b) for a, b in zip(wanted, number(name), strict=False)] for name in versions}
        return min(apart, key=lambda name: apart[name], default="")
    return next(iter(difflib.get_close_matches(text.lower(), known, n=1)), "")
