"""Where apt takes packages from: `sources.list` and `sources.list.d`, both formats, read as apt reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent.host import Reader

MAIN, FOLDER = "/etc/apt/sources.list", "/etc/apt/sources.list.d"
_ONE_LINE = re.compile(r"\s*deb(?:-src)?\s+(?:\[([^\]]*)\]\s*)?([^\s\[]\S*)\s+(\S+)")
_NO = {"no", "false", "without", "off", "disable", "0"}


@dataclass(frozen=True, kw_only=True)
class Origin:
    """One repository named in `file`; `signed_by` as it stands there, empty without one."""

    file: str
    uri: str
    suite: str
    signed_by: str = ""

    def same_place(self, uri: str, suite: str) -> bool:
        """Whether apt takes this for the repository at `uri`, `suite`."""
        return (self.uri.rstrip("/"), self.suite.rstrip("/")) == (uri.rstrip("/"), suite.rstrip("/"))


def origins(host: Reader) -> tuple[Origin, ...]:
    """Return every enabled repository, in the order in which apt reads the files."""
    names = (f"{FOLDER}/{name}" for name in host.listdir(FOLDER) or () if name.endswith((".list", ".sources")))
    return tuple(origin for path in (MAIN, *names) for origin in parse(path, _text(path, host)))


def _text(path: str, host: Reader) -> str:
    stat = host.lstat(path)
    content = host.read(path) if stat is not None and stat.kind == "file" else None
    return (content or b"").decode(errors="replace")


def parse(path: str, text: str) -> Iterator[Origin]:
    """Yield the enabled repositories in `text`; what apt would not understand is passed over."""
    if path.endswith(".sources"):
        for stanza in stanzas(text):
            yield from _deb822(path, stanza)
        return
    for line in text.split("\n"):
        match = _ONE_LINE.match(line)
        if match:
            options = dict(option.partition("=")[::2] for option in (match[1] or "").split())
            yield Origin(file=path, uri=match[2], suite=match[3], signed_by=options.get("signed-by", ""))


def _deb822(path: str, stanza: dict[str, str]) -> Iterator[Origin]:
    if stanza.get("enabled", "yes").strip().lower() in _NO:
        return
    for uri in stanza.get("uris", "").split():
        for suite in stanza.get("suites", "").split():
            yield Origin(file=path, uri=uri, suite=suite, signed_by=stanza.get("signed-by", ""))


def stanzas(text: str) -> Iterator[dict[str, str]]:
    """Yield the stanzas of a deb822 text: field names in lower case, folded values joined by newlines."""
    fields: dict[str, str] = {}
    name = ""
    for line in text.split("\n"):
        if not line.strip():
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] in " \t":
            if name:
                fields[name] = f"{fields[name]}\n{line.strip()}".lstrip("\n")
        elif not line.startswith("#") and ":" in line:
            head, _, value = line.partition(":")
            name = head.strip().lower()
            fields[name] = value.strip()
    if fields:
        yield fields
