"""What apt's configured sources offer on this machine, as `apt-cache` tells it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

ORIGINS = {"Debian": "debian", "Ubuntu": "ubuntu", "NVIDIA": "nvidia"}
"""A Release file's `Origin`, and what the tables call it."""

_UPSTREAM = re.compile(r"(?:\d+:)?(\d+(?:\.\d+)*)")
_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Source:
    """Package files of one component: whose they are (empty: nobody's the tables know), and whether they are of the release."""

    origin: str
    component: str
    usual: bool


class AptIndex:
    """The package indexes of the release `codename`; `ask` runs `apt-cache` with arguments and returns what it prints."""

    def __init__(self, codename: str, ask: Callable[..., str] | None = None) -> None:
        self._ask = ask or apt_cache
        self._sources = sources(self._ask("policy"), codename)

    def components(self, origin: str) -> frozenset[str]:
        """Return which components of `origin` are configured; a repository without components has the empty one."""
        return frozenset(source.component for source in self._sources.values() if source.origin == origin and source.usual)

    def versions(self, names: Iterable[str], origin: str) -> dict[str, list[str]]:
        """Return the upstream versions (`535.261.03` of `535.261.03-1`) that `origin` has of each package, without backports."""
        wanted = sorted(set(names))
        found: dict[str, list[str]] = {}
        for line in self._ask("madison", *wanted).splitlines() if wanted else ():
            name, version, place = ([part.strip() for part in line.split("|")] + ["", ""])[:3]
            source = self._sources.get(" ".join(place.split()))
            number = _UPSTREAM.match(version)
            if source and source.usual and source.origin == origin and number:
                found.setdefault(name, []).append(number[1])
        return found

    def numbered(self, prefix: str, rest: str) -> dict[str, str]:
        """Return the packages called PREFIX and what matches `rest`, with what its first group is."""
        pattern = re.compile(rf"{re.escape(prefix)}{rest}")
        names = self._ask("pkgnames", prefix).split()
        return {name: match[1] for name in names if (match := pattern.fullmatch(name))}


def sources(policy: str, codename: str) -> Mapping[str, Source]:
    """Return the package files of `apt-cache policy`, by the words that `apt-cache madison` names them with."""
    found: dict[str, Source] = {}
    place = ""
    for line in policy.splitlines():
        words = line.split()
        if words[:1] == ["release"]:
            said = dict(part.split("=", 1) for part in line.split("release", 1)[1].strip().split(",") if "=" in part)
            suites = {said.get("n", ""), said.get("a", "")}
            strange = any(word in suite for suite in suites for word in ("backports", "proposed", "experimental"))
            other = said.get("n", codename).partition("-")[0] != codename
            found[place] = Source(
                origin=ORIGINS.get(said.get("o", ""), ""),
                component=said.get("c", ""),
                usual=not strange and not other,
            )
        elif len(words) > 1 and words[0].lstrip("-").isdigit():
            place = " ".join(words[1:])
    return found


def apt_cache(*arguments: str) -> str:
    """Return what `apt-cache` prints; raises `OSError` where there is none, or where it fails."""
    try:
        said = subprocess.run(
            ["apt-cache", *arguments],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"apt-cache took more than {_SECONDS} s") from None
    if said.returncode not in {0, 100}:  # 100: some package is not there
        raise OSError((said.stderr.strip().splitlines() or ["apt-cache failed"])[-1])
    return said.stdout
