"""The apt sources of this machine, read from its files: `apt-get indextargets` knows only those already fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

APT = Path("/etc/apt")
_MIRROR_LIST = "mirror+file:"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One line of apt sources: a mirror, a suite and its components."""

    uri: str
    suite: str
    components: tuple[str, ...]

    def line(self) -> str:
        """Return the one-line form."""
        return f"deb {self.uri} {self.suite} {' '.join(self.components)}"


def host_sources(apt: Path = APT) -> tuple[Source, ...]:
    """Return the enabled binary sources of this machine, in apt's order."""
    found: list[Source] = []
    for path in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))):
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix == ".list":
            found += one_line(text)
        elif path.suffix == ".sources":
            found += deb822(text)
    return tuple(dict.fromkeys(found))


def one_line(text: str) -> Iterator[Source]:
    """Yield the binary sources of a `.list` file."""
    for line in text.splitlines():
        words = re.sub(r"\[[^\]]*\]", " ", line.partition("#")[0]).split()
        if len(words) > 3 and words[0] == "deb":  # noqa: PLR2004 - type, URI, suite, a component
            yield Source(uri=_fetched(words[1]), suite=words[2], components=tuple(words[3:]))


def deb822(text: str) -> Iterator[Source]:
    """Yield the binary sources of a `.sources` file."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields: dict[str, list[str]] = {}
        key = ""
        for line in stanza.splitlines():
            if line[:1].isspace():
                fields.setdefault(key, []).extend(line.split())
            else:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.split()
        if "deb" not in fields.get("types", []) or fields.get("enabled", ["yes"]) == ["no"]:
            continue
        for uri in fields.get("uris", []):
            for suite in fields.get("suites", []):
                if fields.get("components"):
                    yield Source(uri=_fetched(uri), suite=suite, components=tuple(fields["components"]))


def _fetched(uri: str) -> str:
    """Return `uri`, or of a list of mirrors (as cloud images have it) the first."""
    if not uri.startswith(_MIRROR_LIST):
        return uri
    path = Path(uri[len(_MIRROR_LIST) :])
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    return next((line.split()[0] for line in lines if line.strip() and not line.startswith("#")), uri)
