"""What each recorded machine is told: which stack fits and why, what the roles of the driver plan, what is wrong with it."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterable
from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from provision.catalog.compile import compile_catalog, select_roles
from provision.doctor import examine
from provision.errors import ProvisionError
from provision.facts.model import Facts
from provision.knowledge.resolve import resolve
from provision.knowledge.stack import NoSolutionError
from provision.knowledge.wish import wish_for
from provision.profile.model import Profile
from provision.render.doctor import diagnosis_lines
from provision.render.explain import stack_lines
from provision.render.line import Line
from provision.render.page import Page
from provision.render.screen import Screen
from tests.roles.machines import NAMES, machine, shipped

TODAY = dt.date(2026, 11, 22)
ROLES = ("nvidia", "cuda")
PAGE = Page(width=100)


class _Text(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def told(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """One file of text for each machine."""
    return snapshot.use_extension(_Text)


def shown(lines: list[Line]) -> str:
    stream = io.StringIO()
    Screen(stream, width=100).write(lines)
    return stream.getvalue()


def explain(facts: Facts) -> str:
    """Return what `provision explain` shows: the stack with torch, and where that does not fit, why, and the one without."""
    wish = wish_for(Profile(), facts, TODAY)
    texts: list[str] = []
    for frameworks in (("torch",), ()):
        asked = replace(wish, frameworks=frameworks)
        try:
            return "\n".join((*texts, shown(stack_lines(asked, resolve(asked), PAGE))))
        except NoSolutionError as error:
            texts += [f"nothing fits {' '.join(frameworks)}:", *(f"- {because}" for because in error.conflict.because)]
            texts += [error.conflict.nearest, ""]
    return "\n".join(texts)


def plan(facts: Facts) -> str:
    lines: list[str] = []
    for name in ROLES:
        why = shipped()[name].skipped(Profile(), facts)
        lines += [f"{name}: not for this machine: {why}"] if why else _planned(name, facts)
    return "\n".join((*lines, ""))


def _planned(name: str, facts: Facts) -> Iterable[str]:
    profile = Profile()
    try:
        catalog = compile_catalog(profile, facts, select_roles(profile, facts, shipped(), (name,)))
    except ProvisionError as error:
        yield f"{name}: {error}"
        yield f"  hint: {error.hint}"
        return
    for note in catalog.notes:
        if note.role == name:
            yield f"{name}: {note.note.summary}"
            yield f"  {note.note.why}"
            yield from (f"  ! {warning}" for warning in note.note.warnings)
    yield from (f"  + {entry.resource.kind}: {entry.resource.title}" for entry in catalog.entries if entry.role == name)
    yield from (f"  ? {each.check.name}" for each in catalog.checks if each.role == name)


def doctor(facts: Facts) -> str:
    return shown(diagnosis_lines(facts.hostname, facts, examine(facts, TODAY), PAGE))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_machine_is_told(name: str, told: SnapshotAssertion) -> None:
    facts = machine(name)
    text = "\n".join(("# explain", explain(facts), "# plan", plan(facts), "# doctor", doctor(facts)))
    # The addresses of package indexes stand in the tables, and nowhere else.
    assert re.sub(r"https://[a-z.]+/", "https://mirror.test/", text) == told


@pytest.mark.parametrize("name", [name for name in NAMES if "-broken-" in name])
def test_what_is_broken_is_found(name: str) -> None:
    assert examine(machine(name), TODAY).findings


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(("-healthy", "-loaded", "-no-gpu"))])
def test_what_is_well_is_left_alone(name: str) -> None:
    assert not examine(machine(name), TODAY).broken
