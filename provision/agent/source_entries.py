"""The entries of apt's sources, and where in their files more components would be written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ONE_LINE = re.compile(r"^[ \t]*deb[ \t]+(?:\[([^\]\n]*)\][ \t]*)?([^\s\[#]\S*)[ \t]+([^\s#]+)((?:[ \t]+[^\s#]+)+)", re.MULTILINE)
_NO = {"no", "false", "without", "off", "disable", "0"}


@dataclass(frozen=True, kw_only=True)
class SourceEntry:
    """An enabled line or stanza of packages (not only sources) with components; `end` is the offset behind the last of them."""

    file: str
    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str
    end: int

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Each repository it names, as (URI, suite)."""
        return tuple((uri.rstrip("/"), suite) for uri in self.uris for suite in self.suites)


def entries(file: str, text: str) -> Iterator[SourceEntry]:
    """Yield the entries of `text`; what apt would not understand is passed over."""
    yield from _stanzas(file, text) if file.endswith(".sources") else _lines(file, text)


def _lines(file: str, text: str) -> Iterator[SourceEntry]:
    for match in _ONE_LINE.finditer(text):
        options = dict(option.partition("=")[::2] for option in (match[1] or "").split())
        yield SourceEntry(
            file=file,
            uris=(match[2],),
            suites=(match[3],),
            components=tuple(match[4].split()),
            signed_by=options.get("signed-by", ""),
            end=match.end(4),
        )


def _stanzas(file: str, text: str) -> Iterator[SourceEntry]:
    fields: dict[str, str] = {}
    name, at, end = "", 0, 0
    for line in [*text.split("\n"), ""]:
        if not line.strip():
            yield from _stanza(file, fields, end)
            fields, name, end = {}, "", 0
        elif not line.startswith("#"):
            folded = line[0] in " \t"
            head, colon, value = ("", ":", line) if folded else line.partition(":")
            if not folded:
                name = head.strip().lower() if colon else ""
            if name:
                fields[name] = f"{fields.get(name, '')}\n{value}" if folded else value
                end = at + len(line.rstrip()) if name == "components" and value.strip() else end
        at += len(line) + 1


def _stanza(file: str, fields: dict[str, str], end: int) -> Iterator[SourceEntry]:
    uris, suites, components = (tuple(fields.get(name, "").split()) for name in ("uris", "suites", "components"))
    enabled = fields.get("enabled", "").strip().lower() not in _NO
    if enabled and "deb" in fields.get("types", "").split() and uris and suites and components:
        yield SourceEntry(
            file=file,
            uris=uris,
            suites=suites,
            components=components,
            signed_by=fields.get("signed-by", "").strip(),
            end=end,
        )


def added(text: str, additions: dict[int, tuple[str, ...]]) -> str:
    """Return `text` with components put in at the offsets, all else as it is."""
    for end in sorted(additions, reverse=True):
        text = f"{text[:end]}{''.join(f' {name}' for name in additions[end])}{text[end:]}"
    return text
