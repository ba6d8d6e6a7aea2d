"""The program over rattler as it goes to a machine: one text, its modules one after the other."""

from __future__ import annotations

import re

from provision.catalog.templates import template

_PARTS = ("said", "explained", "memory", "prefix")


def conda_program() -> str:
    """Return the program's text: `templates/conda/conda.py`, with the modules that it imports from beside it put before it."""
    beside = re.compile(rf"^from (?:{'|'.join(_PARTS)}) import (?:\([^)]*\)|.*)\n", re.MULTILINE)
    return "\n\n".join(beside.sub("", template(f"conda/{part}.py")) for part in (*_PARTS, "conda"))
