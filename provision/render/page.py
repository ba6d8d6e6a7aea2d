"""What lines are laid out for: a width, an alphabet, and how much a person wants to see."""

from __future__ import annotations

from dataclasses import dataclass

from provision.render import line as lines
from provision.render.line import Line, Span

Part = str | tuple[str, str]
"""Text, or text and the name of its style."""

NARROW = 50
"""Below this many cells the second column is left out."""
WIDE = 110
"""Right-aligned columns do not go further right: an eye loses the line."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """`width` in cells; without `unicode` only ASCII is used; `diff` and `verbose` show more."""

    width: int = 80
    unicode: bool = True
    diff: bool = False
    verbose: bool = False

    @property
    def ellipsis(self) -> str:
        """What stands for what was cut."""
        return "…" if self.unicode else "..."

    @property
    def edge(self) -> int:
        """Where right-aligned columns end."""
        return min(self.width, WIDE)

    def text(self, text: str) -> str:
        """Return `text` without anything that a terminal would obey or could not show."""
        return lines.clean(text, ascii_only=not self.unicode)

    def line(self, *parts: Part) -> Line:
        """Return one line from text of any origin."""
        pairs = ((part, "") if isinstance(part, str) else part for part in parts)
        return tuple(Span(self.text(text), style) for text, style in pairs if text)

    def fit(self, line: Line, width: int | None = None) -> Line:
        """Return `line` cut to `width` (else the page's)."""
        return lines.fit(line, self.width if width is None else width, self.ellipsis)

    def wrap(self, line: Line, width: int, *, most: int = 0) -> list[Line]:
        """Return `line` broken to `width`; `most` lines are shown unless `verbose`."""
        return lines.wrap(line, width, self.ellipsis, most=0 if self.verbose else most)

    def hang(self, before: Line, line: Line, *, most: int = 0) -> list[Line]:
        """Return `line` wrapped in the room right of `before`, further lines under its beginning."""
        indent = lines.width_of(before)
        if indent > self.width // 2:
            before, indent = self.fit(before, self.width // 2), min(indent, self.width // 2)
        broken = self.wrap(line, self.width - indent, most=most)
        return [(*(before if index == 0 else (Span(" " * indent),)), *part) for index, part in enumerate(broken)]

    def dotted(self, parts: list[tuple[Part, ...]]) -> list[Line]:
        """Return parts joined by ` · `, broken between parts where the page is too narrow."""
        shown: list[Line] = []
        for part in parts:
            line = self.line(*part)
            joined = (*shown[-1], *self.line(" · "), *line) if shown else line
            if shown and lines.width_of(joined) <= self.width:
                shown[-1] = joined
            else:
                shown.append(line)
        return [piece for line in shown for piece in self.wrap(line, self.width)]
