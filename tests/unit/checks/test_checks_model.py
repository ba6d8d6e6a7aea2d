"""Checks travel as JSON, and their probes run as users that can exist."""

from __future__ import annotations

import json

import pytest

from provision.checks.model import Check, Probe, dump, load
from provision.errors import InputError

FULL = Check(
    name="cell runs",
    proves="a kernel multiplies matrices",
    probe=Probe(
        argv=("python3", "-"), user="me", stdin="print(1)", timeout=9, expect="^1$", credentials=(("TOKEN", "/etc/token"),)
    ),
    hint="`provision apply jupyter`",
)


@pytest.mark.parametrize("check", [FULL, Check(name="a", proves="b", probe=Probe(argv=("true",)))])
def test_checks_come_back_from_json(check: Check) -> None:
    assert load(json.loads(json.dumps(dump(check)))) == check


@pytest.mark.parametrize("user", ["", "../root", "a;b", "Root"])
def test_no_probe_runs_as_such_a_user(user: str) -> None:
    with pytest.raises(InputError):
        Probe(argv=("true",), user=user)
