"""Examine machines for what keeps their GPU from working: those that are reached, or one that is elsewhere, by its facts."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path

from provision.doctor import Diagnosis, Finding, examine
from provision.errors import Exit, ProvisionError
from provision.facts.model import Facts
from provision.run.connect import Gate, Sudo, connect, each
from provision.run.recorded import read_facts
from provision.run.ui import Ui
from provision.transports.base import Transport

_WORST = (Exit.INTERRUPTED, Exit.BAD_INPUT, Exit.UNREACHABLE, Exit.FAILED, Exit.DONE)
_OURS = "provision apply"


def examine_elsewhere(path: Path, ui: Ui) -> Exit:
    """Show what is wrong with the machine whose facts are in `path`; raises `InputError` where they are none."""
    facts = read_facts(path)
    return _show(facts.hostname, facts, examine(facts, _today()), ui)


def examine_machines(transports: list[Transport], sudo: Sudo, ui: Ui) -> Exit:
    """Show what is wrong with each machine; one that cannot be reached does not hide the others."""
    gate = Gate()
    for transport in transports:
        ui.connecting(transport.name, "collecting facts")
    later = connect(transports, sudo, gate)
    gate.open()

    def collect(host: str) -> Facts:
        with later[host].get() as session:
            return session.facts

    codes = []
    for host, found in each(list(later), collect).items():
        if isinstance(found, ProvisionError):
            ui.failed(host, found)
            codes.append(found.exit)
        else:
            codes.append(_show(host, found, _from_here(host, examine(found, _today())), ui))
    return next((code for code in _WORST if code in codes), Exit.DONE)


def _show(host: str, facts: Facts, diagnosis: Diagnosis, ui: Ui) -> Exit:
    ui.diagnosis(host, facts, diagnosis)
    return Exit.FAILED if diagnosis.broken else Exit.DONE


def _today() -> dt.date:
    return dt.datetime.now(tz=dt.timezone.utc).date()


def _from_here(host: str, diagnosis: Diagnosis) -> Diagnosis:
    """Return `diagnosis` with our own commands as they are typed here, for a machine that is elsewhere."""
    if host == os.uname().nodename:
        return diagnosis

    def typed(finding: Finding) -> Finding:
        return replace(finding, mend=finding.mend + f" --host {host}") if finding.mend.startswith(_OURS) else finding

    return replace(diagnosis, findings=tuple(typed(finding) for finding in diagnosis.findings))
