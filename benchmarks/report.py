"""The tables, with the date and the machine, and where they are kept."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Middle

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What each tool took for `size` resources over a link of `round_trip` milliseconds."""

    size: int
    round_trip: int
    cold: Mapping[str, Middle]
    no_op: Mapping[str, Middle]

    def text(self, tools: Sequence[str]) -> str:
        """Return the case as Markdown; `tools` are their names with their versions."""
        count = min(middle.count for middle in self.no_op.values())
        return "\n".join([f"{when_and_where()} {'; '.join(tools)}. No-op: median of {count}.", "", *self._rows()])

    def _rows(self) -> Iterator[str]:
        yield "| tool | no-op | ÷ ours | turns | up / down, KiB | processor | memory | cold | turns |"
        yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        ours = self.no_op.get("provision")
        for name, took in self.no_op.items():
            cold = self.cold.get(name) if name != "ssh" else None
            label = "`ssh host true`" if name == "ssh" else f"**{name}**" if name == "provision" else name
            yield (
                f"| {label} | {took.seconds:.2f} s | {f'{took.seconds / ours.seconds:.2f}' if ours else ''} | {took.turns} "
                f"| {took.up / 1024:.0f} / {took.down / 1024:.0f} | {took.processor:.2f} s | {took.memory:.0f} MiB "
                f"| {f'{cold.seconds:.2f} s' if cold else ''} | {cold.turns if cold else ''} |"
            )


def when_and_where() -> str:
    """Return the date, the processor, its cores and the distribution: no names of machines, no paths."""
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    release = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    today = dt.datetime.now(tz=dt.timezone.utc).date().isoformat()
    return f"{today} · {processor}, {os.cpu_count()} cores · {release} · Python {platform.python_version()} ·"


def write(text: str, part: str) -> None:
    """Put `text` between the marks of `part` in the page."""
    begin, end = f"<!-- {part} -->", f"<!-- end of {part} -->"
    page = PAGE.read_text()
    head, found, rest = page.partition(begin)
    if not found:
        raise LookupError(f"{PAGE.name} has no `{begin}`")
    PAGE.write_text(f"{head}{begin}\n{text.strip()}\n{end}{rest.partition(end)[2]}")
