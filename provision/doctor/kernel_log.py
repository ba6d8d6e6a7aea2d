"""Questions about the kernel's log: errors by number (Xid), and other lines that are known."""

from __future__ import annotations

import re

from provision.doctor.case import Case
from provision.doctor.finding import Answer, Finding, Severity, found, sound
from provision.knowledge.log import Trouble, log

_XID = re.compile(r"NVRM: Xid \([^)]*\): (\d+)")
_FELL = re.compile(r"GPU has fallen off the bus", re.IGNORECASE)
_OFF_THE_BUS = 79


def xids(case: Case) -> Answer:
    """Ask whether the driver reported errors since the boot."""
    seen: dict[int, list[str]] = {}
    for line in case.driver.log:
        number = _XID.search(line)
        if number:
            seen.setdefault(int(number.group(1)), []).append(line.strip())
    fell = [line.strip() for line in case.driver.log if _FELL.search(line)]
    if fell and _OFF_THE_BUS not in seen:
        seen[_OFF_THE_BUS] = fell
    rows = {code: log().xid(code) for code in seen}
    if any(row is None or not row.follows for row in rows.values()):
        seen = {code: lines for code, lines in seen.items() if (row := rows[code]) is None or not row.follows}
    if not seen:
        return sound("no Xid since the boot")
    return found(*(_xid(code, rows[code], lines) for code, lines in seen.items()))


def _xid(code: int, row: Trouble | None, lines: list[str]) -> Finding:
    times = "" if len(lines) == 1 else f", {len(lines)} times"
    if row is None:
        return Finding(
            title=f"Xid {code}{times}",
            cause="the driver reported an error that the tables do not explain",
            evidence=(lines[-1],),
            mend="sudo dmesg --ctime | grep -i -e nvrm -e xid",
            severity=Severity.NOTE,
        )
    return Finding(
        title=f"Xid {code}{times}: {row.name}",
        cause=row.meaning,
        evidence=(lines[-1],),
        advice=row.advice,
        mend=row.mend,
        severity=Severity(row.severity),
    )


def other_lines(case: Case) -> Answer:
    """Ask whether the log holds another line that is known."""
    findings = []
    for row in log().messages:
        lines = [line.strip() for line in case.driver.log if row.found(line)]
        if lines:
            findings.append(
                Finding(
                    title=row.name,
                    cause=row.meaning,
                    evidence=(lines[-1],),
                    advice=row.advice,
                    mend=row.mend,
                    severity=Severity(row.severity),
                )
            )
    return found(*findings)
