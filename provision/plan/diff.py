"""Unified diffs for people."""

from __future__ import annotations

import difflib

LIMIT = 400
"""Lines shown of one diff."""


def unified(before: bytes | None, after: bytes, name: str) -> str:
    """Return a unified diff of two texts, or a one-line note where one of them is not text or is very large."""
    old = before or b""
    try:
        old_text, new_text = old.decode(), after.decode()
    except UnicodeDecodeError:
        return f"binary: {len(old)} → {len(after)} bytes"
    if len(old) + len(after) > 1_000_000:  # noqa: PLR2004 - difflib is quadratic
        return f"large: {len(old)} → {len(after)} bytes"
    lines = list(
        difflib.unified_diff(
            old_text.splitlines(), new_text.splitlines(), name if before is not None else "/dev/null", name, lineterm=""
        )
    )
    if len(lines) > LIMIT:
        lines = [*lines[:LIMIT], f"… {len(lines) - LIMIT} more lines"]
    return "\n".join(lines)
