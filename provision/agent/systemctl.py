"""What `systemctl show` says of many units at once (systemd 247 to 259)."""

from __future__ import annotations

import time
from collections.abc import Iterable

from provision.agent.host import UnitState

NOT_FOUND = UnitState(load="not-found", active="inactive", file="")
_SUFFIXES = (
    ".service",
    ".socket",
    ".timer",
    ".target",
    ".mount",
    ".automount",
    ".path",
    ".slice",
    ".scope",
    ".swap",
    ".device",
)
_PROPERTIES = "Names,LoadState,ActiveState,UnitFileState,NeedDaemonReload,ActiveEnterTimestamp,ActiveEnterTimestampMonotonic"


def full_name(name: str) -> str:
    """Return `name` with `.service` where it has no type, as systemctl reads it."""
    return name if name.endswith(_SUFFIXES) else f"{name}.service"


def show(names: Iterable[str], *, plain: bool = False) -> tuple[str, ...]:
    """Return the argv that asks for `names`; `plain` is for a systemctl that does not know `--timestamp`.

    Wall-clock stamps are wanted: the monotonic ones, the way out of `plain`, stand still while the machine sleeps.
    """
    style = () if plain else ("--timestamp=us+utc",)
    return ("systemctl", "show", *style, f"--property={_PROPERTIES}", "--", *names)


def stamp(text: str) -> int:
    """Return microseconds since the epoch of `Sun 2026-11-22 01:02:03.000004 UTC`; 0 for anything else."""
    words = text.split()
    try:
        _, date, clock, zone = words
        if zone != "UTC":
            return 0
        year, month, day = (int(part) for part in date.split("-"))
        hour, minute, second = clock.split(":")
        whole, _, fraction = second.partition(".")
        of_day = (int(hour) * 60 + int(minute)) * 60 + int(whole)
        return (_days(year, month, day) * 86400 + of_day) * 1_000_000 + int(fraction.ljust(6, "0")[:6])
    except ValueError:
        return 0


def _since_boot(text: str) -> int:
    """Return microseconds since the epoch of a stamp of the monotonic clock."""
    if not text.isdecimal() or text == "0":
        return 0
    return (time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC)) // 1000 + int(text)


def _started(fields: dict[str, str]) -> int:
    return stamp(fields.get("ActiveEnterTimestamp", "")) or _since_boot(fields.get("ActiveEnterTimestampMonotonic", ""))


def _days(year: int, month: int, day: int) -> int:
    """Return days since 1970-01-01 (`datetime` would cost an import)."""
    years = year - (month <= 2)  # noqa: PLR2004 - years begin in March here, so that leap days come last
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return years * 365 + years // 4 - years // 100 + years // 400 + of_year - 719468


def parse(text: str) -> dict[str, UnitState]:
    """Return the states by every name a unit has."""
    states: dict[str, UnitState] = {}
    for block in text.split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if not fields:
            continue
        active = fields.get("ActiveState", "")
        state = UnitState(
            load=fields.get("LoadState", ""),
            active=active,
            file=fields.get("UnitFileState", ""),
            needs_reload=fields.get("NeedDaemonReload") == "yes",
            started_us=_started(fields) if active in {"active", "reloading"} else 0,
        )
        states.update(dict.fromkeys(fields.get("Names", "").split(), state))
    return states
