"""Aligned plain text."""

from __future__ import annotations

import dataclasses
import time

import pytest
from syrupy.assertion import SnapshotAssertion

from provision.facts.model import Disk, Filesystem, Interface, Person
from provision.render.line import Line
from provision.render.page import Page
from provision.render.tables import facts_lines, role_lines, run_lines, table
from tests import render_samples as samples


def text(lines: list[Line]) -> str:
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)


def test_roles(snapshot: SnapshotAssertion) -> None:
    roles = [
        ("base", "What every workstation has: a fresh index, essential packages, unattended upgrades", ""),
        ("nvidia", "The NVIDIA driver that the tables pair with this machine's GPUs", "no NVIDIA GPU"),
    ]
    assert text(role_lines(roles, Page(width=60))) == snapshot


def test_runs(snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    runs = [
        {"run": "20261122-101500-ab12", "started": 1_780_000_000, "result": "done", "changed": 12, "seconds": 41.2},
        {"run": "20261122-111500-cd34", "started": 1_780_003_600, "result": None},
    ]
    assert text(run_lines(runs, Page())) == snapshot


def test_facts(snapshot: SnapshotAssertion) -> None:
    facts = dataclasses.replace(
        samples.facts(),
        disks=(Disk(name="nvme0n1", size=500_107_862_016, rotational=False, model="Samsung SSD 970"),),
        filesystems=(
            Filesystem(at="/", source="/dev/nvme0n1p2", type="ext4", size=480 * 10**9, free=61 * 10**9, read_only=False),
        ),
        interfaces=(Interface(name="enp5s0", mac="00:11:22:33:44:55", up=True, addresses=("10.0.0.7",)),),
        people=(Person(name="me", uid=1000, home="/home/me", shell=""),),
    )
    assert text(facts_lines(facts, Page(width=90))) == snapshot
    assert text(facts_lines(samples.bare_facts(), Page(width=90))) == snapshot


def test_nothing_is_nothing() -> None:
    assert table([], Page(), headers=("a",)) == []
