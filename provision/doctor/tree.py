"""The decision tree: the questions in their order, and which answers explain which others away."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from provision.doctor import cards, kernel_log, mending, modules, packages, running
from provision.doctor.case import APPLY, Case
from provision.doctor.finding import Answer, Diagnosis, Finding, Looked, Severity
from provision.facts.model import Facts


@dataclass(frozen=True)
class Question:
    """A question: `look` answers it, unless something broken in one of `explained_by` is the cause already."""

    name: str
    ask: str
    look: Callable[[Case], Answer]
    explained_by: frozenset[str] = frozenset()
    of_cards: bool = True
    """Whether it is asked only where there is a GPU."""
    of_driver: bool = True
    """Whether it is asked only where a driver is installed."""

    def applies(self, case: Case) -> bool:
        """Return whether it can be asked of this machine at all."""
        return (not self.of_cards or bool(case.cards)) and (not self.of_driver or case.installed)


def _after(*names: str) -> frozenset[str]:
    return frozenset(names)


QUESTIONS = (
    Question("bus", "on the bus", cards.on_the_bus, of_cards=False, of_driver=False),
    Question("tables", "in the tables", cards.in_the_tables, of_driver=False),
    Question("driver", "driver", packages.is_installed, _after("tables", "flavour"), of_driver=False),
    Question("origins", "origin", packages.one_origin, of_cards=False),
    Question("ppa", "PPA", packages.no_ppa, _after("origins"), of_cards=False, of_driver=False),
    Question("runfile", "`.run` installer", packages.no_runfile, of_cards=False),
    Question("dkms", "DKMS", modules.built),
    Question("packages", "packages", packages.fully_installed, _after("dkms"), of_cards=False),
    Question("held", "holds", packages.held_together, of_cards=False),
    Question("flavour", "flavour", cards.right_flavour, of_driver=False),
    Question("branch", "branch", cards.branch_supports, _after("flavour")),
    Question("support", "supported", cards.branch_is_supported, _after("branch")),
    Question("kernels", "kernels", modules.no_orphans, of_cards=False),
    Question("module", "module", modules.for_the_running_kernel, _after("runfile", "dkms", "packages", "kernels")),
    Question("next", "next kernel", modules.for_the_next_kernel, _after("runfile", "dkms", "packages", "kernels")),
    Question("headers", "headers", modules.headers_come_along, _after("dkms", "packages", "module", "next")),
    Question("signature", "signature", modules.signed),
    Question("nouveau", "in the way", running.nothing_in_the_way, _after("runfile")),
    Question(
        "loaded",
        "loaded",
        running.loaded,
        _after("runfile", "dkms", "packages", "flavour", "branch", "kernels", "module", "signature", "nouveau", "xid", "log"),
    ),
    Question("versions", "versions", running.in_step, _after("origins", "runfile", "dkms", "packages", "module")),
    Question("xid", "log", kernel_log.xids, _after("bus"), of_cards=False),
    Question("log", "other log lines", kernel_log.other_lines, _after("flavour", "branch"), of_cards=False),
    Question("speed", "clocks", running.full_speed),
    Question(
        "persistence", "persistence", running.stays_loaded, _after("runfile", "dkms", "packages", "module", "nouveau", "loaded")
    ),
)
"""In the order in which they are shown: whatever explains something stands before it, save the log, which is read last."""

_ORDER = (Severity.BROKEN, Severity.RISK, Severity.NOTE)


def examine(facts: Facts, today: dt.date) -> Diagnosis:
    """Return what is wrong with the machine of `facts`, and what is not."""
    case = Case(facts, today)
    answers = {question.name: question.look(case) for question in QUESTIONS if question.applies(case)}
    apply = cache(lambda: mending.apply(case))
    broken = {name for name, answer in answers.items() if any(each.severity is Severity.BROKEN for each in answer.findings)}
    findings: list[Finding] = []
    looked: list[Looked] = []
    for question in QUESTIONS:
        answer = answers.get(question.name)
        if answer is None or question.explained_by & broken:
            continue
        for finding in answer.findings:
            mend = apply() if finding.mend == APPLY else finding.mend
            findings.append(replace(finding, mend=mend, question=question.name))
        if answer.seen:
            looked.append(Looked(question=question.name, ask=question.ask, seen=answer.seen))
    findings.sort(key=lambda finding: _ORDER.index(finding.severity))
    return Diagnosis(findings=tuple(findings), looked=tuple(looked))


def diagnose(facts: Facts, today: dt.date) -> tuple[Finding, ...]:
    """Return what is wrong with the machine of `facts`, the worst first."""
    return examine(facts, today).findings
