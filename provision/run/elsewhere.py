"""A plan for a machine that is elsewhere: its facts are replayed, its state is not known."""

from __future__ import annotations

from pathlib import Path

from provision.plan.model import Diff, Plan, PlanEntry, Status
from provision.run.recipe import read_recipe
from provision.run.recorded import read_facts
from provision.run.request import Request
from provision.run.ui import Ui


def plan_elsewhere(path: Path, request: Request, ui: Ui) -> None:
    """Show what the catalog of a machine holds, from the facts in `path`; every resource is known after apply."""
    recipe = read_recipe(request)
    facts = read_facts(path)
    unseen = Diff(status=Status.KNOWN_AFTER_APPLY, why="not observed: the machine is elsewhere")
    catalog = recipe.compile(facts)
    entries = tuple(
        PlanEntry(key=e.resource.key, role=e.role, kind=e.resource.kind, title=e.resource.title, diff=unseen)
        for e in catalog.entries
    )
    ui.plan(facts.hostname, facts, Plan(entries=entries), catalog.notes)
