"""A plan for a machine that is elsewhere: its facts are replayed, its state is not known."""

from __future__ import annotations

import json
from pathlib import Path

from provision.errors import InputError
from provision.facts import model as facts_model
from provision.plan.model import Diff, Plan, PlanEntry, Status
from provision.run.recipe import read_recipe
from provision.run.request import Request
from provision.run.ui import Ui

_LARGEST = 1 << 22


def plan_elsewhere(path: Path, request: Request, ui: Ui) -> None:
    """Show what the catalog of a machine holds, from the facts in `path`; every resource is known after apply."""
    recipe = read_recipe(request)
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not facts as `provision facts --json` writes them: {error}") from error
    facts = facts_model.load(data.get("facts", data) if isinstance(data, dict) else data)
    unseen = Diff(status=Status.KNOWN_AFTER_APPLY, why="not observed: the machine is elsewhere")
    entries = tuple(
        PlanEntry(key=e.resource.key, role=e.role, kind=e.resource.kind, title=e.resource.title, diff=unseen)
        for e in recipe.compile(facts).entries
    )
    ui.plan(facts.hostname, facts, Plan(entries=entries))
