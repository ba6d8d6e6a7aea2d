"""The decision tree: each question on a machine that is sound and on those that are not."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path

import pytest

from provision.doctor import Finding, Severity, diagnose, examine
from provision.doctor.tree import QUESTIONS
from provision.facts.model import Facts
from provision.knowledge.package_name import upstream
from tests.roles.machines import NAMES
from tests.roles.machines import machine as recorded
from tests.unit.doctor import ailing_cards, ailing_drivers
from tests.unit.doctor.patients import (
    PACKAGES,
    SOUND,
    TODAY,
    both,
    bound,
    driver,
    upcoming,
)

BROKEN, RISK, NOTE = Severity.BROKEN, Severity.RISK, Severity.NOTE


def brief(findings: tuple[Finding, ...]) -> list[tuple[str, Severity]]:
    return [(finding.question, finding.severity) for finding in findings]


CASES = {**ailing_cards.AILING, **ailing_drivers.AILING}


@pytest.mark.parametrize("name", CASES)
def test_what_is_found(name: str) -> None:
    change, expected, mend = CASES[name]
    findings = diagnose(change(SOUND), TODAY)
    assert brief(findings) == expected
    assert (findings[0].mend if findings else "") == mend


def test_every_question_has_a_machine_that_fails_it() -> None:
    assert {question for _, expected, _ in CASES.values() for question, _ in expected} == {each.name for each in QUESTIONS}


def every_finding() -> list[Finding]:
    made: list[Facts] = [change(SOUND) for change, _, _ in CASES.values()]
    return [finding for facts in (*made, *map(recorded, NAMES)) for finding in diagnose(facts, TODAY)]


def test_every_finding_has_a_cause_evidence_and_a_mend() -> None:
    found = every_finding()
    assert len(found) > len(CASES) // 2
    for finding in found:
        assert finding.title, finding
        assert finding.cause, finding
        assert finding.evidence, finding
        assert all(line.strip() for line in finding.evidence), finding
        assert finding.mend, finding
        for text in (finding.title, finding.cause, finding.advice):
            assert not text.endswith("."), text
        assert not re.match("[A-Z][a-z]", finding.cause) or finding.cause.split()[0] in {"Pascal", "Blackwell", "Kepler"}, (
            finding.cause
        )


def test_a_sound_machine_says_what_was_looked_at() -> None:
    diagnosis = examine(SOUND, TODAY)
    assert diagnosis.findings == ()
    assert not diagnosis.broken
    looked = {each.question: each.seen for each in diagnosis.looked}
    assert looked["versions"] == "module = library = disk = 595.84"
    assert looked["bus"] == "0000:09:00.0 GeForce RTX 2070 SUPER"
    assert looked["support"] == "595 until 2027-03-31"
    assert len(looked) >= 15


@pytest.mark.parametrize(
    ("today", "severity"),
    [(dt.date(2026, 12, 1), None), (dt.date(2027, 1, 30), NOTE), (dt.date(2027, 3, 31), NOTE), (dt.date(2027, 4, 1), RISK)],
)
def test_a_branch_ends_on_a_day(today: dt.date, severity: Severity | None) -> None:
    assert brief(diagnose(SOUND, today)) == ([("support", severity)] if severity else [])


def test_causes_come_before_what_they_cause_and_the_worst_first() -> None:
    ill = both(
        upcoming(),
        bound("nouveau"),
        driver(
            sources=("ppa",),
            nouveau="nouveau",
            loaded="",
            persistence=False,
            packages=(replace(PACKAGES[0], held=True), *PACKAGES[1:]),
        ),
    )
    assert brief(diagnose(ill(SOUND), TODAY)) == [
        ("next", BROKEN),
        ("nouveau", BROKEN),
        ("ppa", RISK),
        ("held", RISK),
    ]


def test_nothing_explains_what_comes_before_it_but_the_log() -> None:
    names = [question.name for question in QUESTIONS]
    assert len(set(names)) == len(names)
    for index, question in enumerate(QUESTIONS):
        assert question.explained_by <= set(names), question.name
        late = question.explained_by & set(names[index:])
        assert late <= {"xid", "log", "flavour"}, question.name


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_machine_is_diagnosed(name: str) -> None:
    diagnosis = examine(recorded(name), TODAY)
    assert diagnosis.findings or diagnosis.looked


@pytest.mark.parametrize(
    ("package_version", "release"),
    [
        ("595.84-0ubuntu0.24.04.1", "595.84"),
        ("1:580.95.05-1ubuntu1", "580.95.05"),
        ("550.163.01-4~bpo13+1", "550.163.01"),
        ("6.8.0-101.101", ""),
        ("6.8.0-88.88+1", ""),
        ("2.0", ""),
    ],
)
def test_the_release_that_a_packages_version_names(package_version: str, release: str) -> None:
    assert upstream(package_version) == release


def test_the_page_of_the_doctor_lists_the_questions_in_their_order() -> None:
    text = (Path(__file__).parents[3] / "docs" / "doctor.md").read_text()
    assert re.findall(r"^\| `(\w+)` \| [A-Z]", text, re.MULTILINE) == [question.name for question in QUESTIONS]
