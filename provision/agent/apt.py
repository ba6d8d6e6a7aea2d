"""How apt is called, how old its index is, and what it says it would do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent.host import Output, Reader
from provision.agent.steps import Remember, Run, Step

ENVIRONMENT = (
    ("APT_LISTCHANGES_FRONTEND", "none"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("LC_ALL", "C.UTF-8"),
    # Ubuntu 24.04's needrestart restarts services even when nobody is there to ask.
    ("NEEDRESTART_SUSPEND", "1"),
)
CONFFILES = ("--force-confdef", "--force-confold")
# A name such as `python3.9` would else be a regular expression, and install whatever matches.
EXACT = ("-o", "APT::Cmd::Pattern-Only=true")
_SETTINGS = (
    "DPkg::Lock::Timeout=600",
    # Without a terminal of its own no maintainer script can wait for somebody to type, and dpkg counts no percents.
    "Dpkg::Use-Pty=0",
    *(f"Dpkg::Options::={each}" for each in CONFFILES),
)
OPTIONS = ("-y", *EXACT, *(word for each in _SETTINGS for word in ("-o", each)))

LISTS = "/var/lib/apt/lists"
STAMP = "/var/lib/apt/periodic/update-success-stamp"
INDEX = "apt-index"
"""What `Remember` keeps the time of our last update under, seconds since the epoch."""


def update(now_ns: int) -> Iterator[Step]:
    """Yield the steps that fetch the index of every source, and fail when one of them cannot be fetched."""
    yield Run(
        argv=("apt-get", "update", "-o", "APT::Update::Error-Mode=any", "-o", "DPkg::Lock::Timeout=600"),
        says="fetching package lists",
        environment=ENVIRONMENT,
        progress="apt",
    )
    yield Remember(name=INDEX, value=str(now_ns // 1_000_000_000))


def index_age(host: Reader) -> int | None:
    """Return how many seconds ago the index was fetched; `None` when that is not known, in the future, or there is none."""
    if not any("Packages" in name or name.endswith("InRelease") for name in host.listdir(LISTS) or ()):
        return None
    stamp, ours = host.lstat(STAMP), host.recall(INDEX) or ""
    times = [int(ours)] if ours.isdigit() else []
    if stamp is not None:
        times.append(stamp.mtime_ns // 1_000_000_000)
    age = host.now_ns() // 1_000_000_000 - max(times, default=0)
    return age if times and age >= 0 else None


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What apt would do; each package is (name, version), an upgrade's version `old => new`, or empty where it is not said."""

    installs: tuple[tuple[str, str], ...] = ()
    upgrades: tuple[tuple[str, str], ...] = ()
    removes: tuple[tuple[str, str], ...] = ()
    download_bytes: int = 0
    missing: tuple[str, ...] = ()
    """Names without a candidate."""
    error: str = ""
    """Why apt refuses, in its own words."""

    @property
    def versions(self) -> dict[str, str]:
        """The version of each package that is installed or upgraded, by name."""
        upgraded = ((name, version.rpartition(" ")[2]) for name, version in self.upgrades)
        return dict((*self.installs, *upgraded))


_HEADINGS = {
    "The following NEW packages will be installed:": "installs",
    "The following packages will be upgraded:": "upgrades",
    "The following packages will be DOWNGRADED:": "upgrades",
    "The following packages will be REMOVED:": "removes",
}
_ENTRY = re.compile(r"\s+(\S+?)\*?(?: \((.*)\))?")
_URI = re.compile(r"'[^']*' \S+ ([0-9]+)(?: |$)")
_QUOTE = "['\u2018\u2019]?"
_MISSING = re.compile(
    rf"E: (?:Unable to locate package (\S+)|Package {_QUOTE}([^'\s\u2019]+){_QUOTE} has no installation candidate)"
)


def simulation_argv(names: tuple[str, ...], *, recommends: bool, held: bool) -> tuple[str, ...]:
    """Return the question "what would you do, and how much would you fetch"; `NAME-` stands for a removal."""
    options = ("--print-uris", "-y", "-V", *EXACT, *(() if recommends else ("--no-install-recommends",)))
    return ("apt-get", "install", *options, *(("--allow-change-held-packages",) if held else ()), *names)


def parse_simulation(output: Output) -> Simulation:
    """Return what apt answered to `simulation_argv`."""
    found: dict[str, list[tuple[str, str]]] = {"installs": [], "upgrades": [], "removes": []}
    section, download = "", 0
    for line in output.stdout.splitlines():
        entry = _ENTRY.fullmatch(line)
        if not line.startswith(" "):
            section = _HEADINGS.get(line, "")
            uri = _URI.match(line)
            download += int(uri[1]) if uri else 0
        elif section and entry:
            found[section].append((entry[1], entry[2] or ""))
    missing = [first or second for first, second in _MISSING.findall(f"{output.stdout}\n{output.stderr}")]
    return Simulation(
        installs=tuple(found["installs"]),
        upgrades=tuple(found["upgrades"]),
        removes=tuple(found["removes"]),
        download_bytes=download,
        missing=tuple(dict.fromkeys(missing)),
        error=_error(output) if output.code and not missing else "",
    )


def _error(output: Output) -> str:
    lines = [line for line in output.stdout.splitlines() if line and not line.endswith("...")]
    return "\n".join([*lines[-20:], *output.stderr.splitlines()[-5:]]) or f"apt-get exited with {output.code}"
