"""How far a program is, from what it says: apt on its status descriptor, our conda program on its output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

OnProgress = Callable[[str, float | None, int | None, int | None], None]
"""Takes the phrase to show, a fraction (0 to 1), bytes done and bytes in all; `None` for what cannot be known."""
_SMALLEST = 0.005
_LONGEST = 4096
_LONGEST_JSON = 1 << 18


def silent(_says: str, _fraction: float | None, _done: int | None, _total: int | None) -> None:
    """Show nothing."""


def _fraction(percent: str) -> float | None:
    try:
        value = float(percent)
    except ValueError:
        return None
    return min(max(value, 0.0), 100.0) / 100 if value == value else None  # noqa: PLR0124 - nan


def parse_status(line: str) -> tuple[str, float | None] | None:
    """Return the phrase and fraction of one line of apt's status descriptor; `None` for lines that say neither.

    `dlstatus:NUMBER:PERCENT:TEXT`, `pmstatus:PACKAGE[:ARCH]:PERCENT:TEXT`, `media-change: MEDIUM:DRIVE`.
    """
    kind, _, rest = line.rstrip("\n").partition(":")
    if kind == "media-change":
        return f"waiting for the medium {rest.partition(':')[0].strip()}", None
    if kind not in {"dlstatus", "pmstatus", "pmerror"}:
        return None
    subject, _, rest = rest.partition(":")
    percent, colon, text = rest.partition(":")
    if colon and _fraction(percent) is None:
        # An architecture after the package's name.
        percent, colon, text = text.partition(":")
    fraction = _fraction(percent)
    if not colon or fraction is None:
        return None
    if kind == "dlstatus":
        return "downloading", fraction
    text = text.strip()
    says = f"{text[:1].lower()}{text[1:]}" if subject in text or subject == "dpkg-exec" else f"{subject}: {text}"
    return says if kind == "pmstatus" else f"failed: {says}", fraction


class AptProgress:
    """Bytes of the status descriptor in, progress out: only when the phrase or the fraction moved visibly."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._rest = b""
        self._last: tuple[str, float | None] = ("", None)

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-_LONGEST:]
        for line in lines:
            found = parse_status(line.decode("utf-8", "replace"))
            if found and self._moved(*found):
                self._last = found
                self._on_progress(found[0], found[1], None, None)

    def _moved(self, says: str, fraction: float | None) -> bool:
        before = self._last[1]
        if says != self._last[0] or fraction is None or before is None:
            return (says, fraction) != self._last
        return abs(fraction - before) >= _SMALLEST


class CondaProgress:
    """What our conda program prints: JSON lines are taken in, all others go to `plain`.

    `{"says", "done", "total", "unit"}` is how far it is (`unit` "bytes", or empty for what is only counted);
    `{"error", "hint", "evidence"}` is kept as `error`, for when the program has failed.
    """

    def __init__(self, on_progress: OnProgress, plain: Callable[[bytes], None]) -> None:
        self.error: dict[str, str] = {}
        self._on_progress = on_progress
        self._plain = plain
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-_LONGEST_JSON:]
        for line in lines:
            said = _object(line)
            if "error" in said:
                self.error = {name: value for name, value in said.items() if isinstance(value, str)}
            elif isinstance(said.get("says"), str):
                self._show(said)
            else:
                self._plain(line + b"\n")

    def _show(self, said: dict[str, Any]) -> None:
        done, total = (value if type(value) is int and value >= 0 else None for value in (said.get("done"), said.get("total")))
        fraction = min(done / total, 1.0) if done is not None and total else None
        counted = said.get("unit") != "bytes"
        self._on_progress(said["says"], fraction, None if counted else done, None if counted else total)


def _object(line: bytes) -> dict[str, Any]:
    if not line.startswith(b"{"):
        return {}
    import json

    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
