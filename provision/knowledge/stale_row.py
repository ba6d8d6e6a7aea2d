"""A row that has gone stale."""

from __future__ import annotations

from dataclasses import dataclass

NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class Stale:
    """A row: its file, what it is about, what it says, and what an index says now."""

    table: str
    row: str
    tables_say: str
    index_says: str
