"""Sizes, durations and counts as people read them."""

from __future__ import annotations

_UNITS = ("kB", "MB", "GB", "TB", "PB")
_MINUTE = 60
_HOUR = 3600


def size(count: int) -> str:
    """Return `count` bytes in decimal units: one decimal below ten, none above (`512 B`, `1.1 GB`, `61 GB`)."""
    if count < 1000:  # noqa: PLR2004 - decimal units
        return f"{count} B"
    value = float(count)
    for unit in _UNITS:
        value /= 1000
        # 999.6 kB reads as 1.0 MB, never as 1000 kB.
        if value < 999.5 or unit == _UNITS[-1]:  # noqa: PLR2004 - what rounds to a thousand
            break
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"  # noqa: PLR2004 - what rounds to ten


def duration(seconds: float) -> str:
    """Return how long something took: `0.4 s`, `41 s`, `2 min 5 s`, `1 h 12 min`."""
    if seconds < 9.95:  # noqa: PLR2004 - what rounds to ten
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        minutes, rest = divmod(whole, _MINUTE)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(round(whole / _MINUTE), _MINUTE)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def elapsed(seconds: float) -> str:
    """Return how long something has been going on, in whole seconds."""
    whole = max(0, int(seconds))
    return duration(whole) if whole > 9 else f"{whole} s"  # noqa: PLR2004 - `duration` shows tenths up to there


def about(seconds: float) -> str:
    """Return an estimate no more exact than it is: `about 10 s`, `about 40 s`, `about 9 min`, `about 1 h 20 min`."""
    if seconds < 55:  # noqa: PLR2004 - what rounds to a minute
        return f"about {max(10, round(seconds / 10) * 10) if seconds > 5 else 5} s"  # noqa: PLR2004 - steps of ten seconds
    if seconds < _HOUR:
        return f"about {max(1, round(seconds / _MINUTE))} min"
    return f"about {duration(round(seconds / 600) * 600)}"


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it needs one (`1 change`, `3 changes`)."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
