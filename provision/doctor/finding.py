"""What the doctor says: findings, and what was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(str, Enum):
    """How bad it is: it does not work (or will not after the next boot), it may stop working, or it is good to know."""

    BROKEN = "broken"
    RISK = "risk"
    NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong: `title` is short, `cause` a sentence, `evidence` what was seen, `mend` the command to type.

    `advice` is what a command cannot do, such as reseating a card.
    """

    title: str
    cause: str
    evidence: tuple[str, ...]
    mend: str
    advice: str = ""
    severity: Severity = Severity.BROKEN
    question: str = ""
    """The name of the question it answers; the tree fills it in."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of a question: findings, or in a few words what is as it should be (empty: it does not apply here)."""

    seen: str = ""
    findings: tuple[Finding, ...] = ()


def sound(seen: str) -> Answer:
    """Return the answer to a question where nothing is wrong."""
    return Answer(seen=seen)


def found(*findings: Finding) -> Answer:
    """Return the answer to a question where something is wrong."""
    return Answer(findings=findings)


SILENT = Answer()
"""The answer to a question that does not apply."""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """A question that was asked and found sound: its name, its words, and what was seen."""

    question: str
    ask: str
    seen: str


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What was found, the worst first and causes before what comes of them, and what is sound."""

    findings: tuple[Finding, ...]
    looked: tuple[Looked, ...]

    @property
    def broken(self) -> bool:
        """Whether something does not work."""
        return any(finding.severity is Severity.BROKEN for finding in self.findings)
