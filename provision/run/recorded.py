"""Facts that were recorded on a machine."""

from __future__ import annotations

import json
from pathlib import Path

from provision.errors import InputError
from provision.facts import model as facts_model
from provision.facts.model import Facts

_LARGEST = 1 << 22


def read_facts(path: Path) -> Facts:
    """Return the facts in `path`, as `facts --json` or a line of `plan --json` has them; raises `InputError`."""
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not facts as `provision facts --json` writes them: {error}") from error
    return facts_model.load(data.get("facts", data) if isinstance(data, dict) else data)
