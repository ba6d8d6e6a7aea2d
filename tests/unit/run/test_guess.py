"""What is guessed of a machine that was seen before: a head start, and nothing else."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from provision.agent.wire import Message
from provision.catalog.model import Catalog, Entry
from provision.errors import InputError, ProvisionError
from provision.facts.model import Facts
from provision.plan import model as plans
from provision.plan.model import Plan
from provision.resources import File
from provision.run import guess
from provision.run.guess import Guess, recall, remember
from provision.run.session import Session
from tests.unit.run.driving import FACTS, driving, one

pytestmark = pytest.mark.usefixtures("alone")


class Recipe:
    """Yields one file, named after the machine; a nameless machine has none."""

    def compile(self, facts: Facts) -> Catalog:
        if not facts.hostname:
            raise InputError("no name")
        return Catalog(entries=(Entry(role="x", resource=File(path=f"/etc/{facts.hostname}")),))


class Answers:
    """A channel with its answers ready."""

    name = "lab"

    def __init__(self, *answers: Message) -> None:
        self.answers = list(answers)
        self.sent: list[str] = []

    def send(self, message: Message) -> None:
        self.sent.append(message["do"])

    def receive(self) -> Message:
        return self.answers.pop(0)


def plan_of(free: int) -> Message:
    return {"type": "plan", "plan": plans.dump(Plan(entries=(), free_bytes=free)), "enforced": True}


def made(facts: Facts) -> Guess:
    guessed = Guess(facts)
    guessed.make(Recipe())  # type: ignore[arg-type] # has the one method that is used
    return guessed


def test_what_was_remembered_is_recalled_by_this_user_alone() -> None:
    assert recall("lab") is None
    remember("lab", FACTS)
    found = recall("lab")
    assert found is not None
    found.make(Recipe())  # type: ignore[arg-type] # as above
    assert found.get() == made(FACTS).get()
    assert recall("other") is None
    kept = guess._path("lab")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"hostname": 7}', '{"hostname": "x", "new": 1}', "\x00" * 100])
def test_what_cannot_be_read_is_no_guess(text: str) -> None:
    remember("lab", FACTS)
    guess._path("lab").write_text(text)
    assert recall("lab") is None


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    remember("lab", FACTS)
    assert recall("lab") is None


def test_a_machine_whose_facts_no_longer_do_is_no_guess() -> None:
    assert made(replace(FACTS, hostname="")).get() is None


def test_a_right_guess_is_not_asked_again() -> None:
    guessed = made(FACTS).get()
    channel = Answers(plan_of(1))
    session = Session(channel, FACTS, guessed)  # type: ignore[arg-type] # has the methods that are used
    catalog = Recipe().compile(FACTS)
    assert session.guessed(catalog)
    assert session.plan(catalog).free_bytes == 1
    assert channel.sent == []


@pytest.mark.parametrize("first", [plan_of(1), {"type": "error", "message": "in the way", "hint": "", "evidence": "", "exit": 1}])
def test_the_answer_to_a_wrong_guess_counts_for_nothing(first: Message) -> None:
    channel = Answers(first, plan_of(2), plan_of(3))
    session = Session(channel, FACTS, made(replace(FACTS, hostname="before")).get())  # type: ignore[arg-type] # as above
    catalog = Recipe().compile(FACTS)
    assert not session.guessed(catalog)
    assert session.plan(catalog).free_bytes == 2
    assert session.plan(catalog).free_bytes == 3
    assert channel.sent == ["plan", "plan"]


def test_an_error_of_the_guessed_plan_is_the_plans_own() -> None:
    channel = Answers({"type": "error", "message": "in the way", "hint": "", "evidence": "", "exit": 1})
    session = Session(channel, FACTS, made(FACTS).get())  # type: ignore[arg-type] # as above
    with pytest.raises(ProvisionError, match="in the way"):
        session.plan(Recipe().compile(FACTS))


def test_the_shown_plan_is_that_of_the_machine_as_it_is() -> None:
    first = one()
    driving(first).plan()
    lab = replace(first, facts=replace(first.facts, systemd=False), heard=[], streams=[])
    driving(lab).plan()
    assert lab.asked == ["plan", "plan", "bye"]
    assert "apt-daily.timer" in str(lab.heard[0])
    assert "apt-daily.timer" not in str(lab.heard[1])
