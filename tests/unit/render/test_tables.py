"""Aligned plain text."""

from __future__ import annotations

import dataclasses
import time

import pytest
from syrupy.assertion import SnapshotAssertion

from provision.facts.model import Disk, Driver, DriverModule, DriverPackage, Filesystem, Interface, Person
from provision.render.driver import driver_rows
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


def test_facts_of_a_driver() -> None:
    module = DriverModule(
        kernel="6.8.0-45-generic", name="nvidia", path="/x.ko", version="580.95.05", flavour="open", signer="Canonical"
    )
    packages = (
        DriverPackage(name="nvidia-driver-580-open", version="580.95.05", origin="ubuntu", held=True),
        DriverPackage(name="libnvidia-gl-580", version="580.95.05", origin="nvidia"),
    )
    driver = Driver(
        loaded="580.95.05",
        loaded_flavour="open",
        library="580.105.01",
        modules=(module, dataclasses.replace(module, kernel="6.8.0-49-generic", name="nvidia-current", flavour="", signer="")),
        packages=packages,
        users=("python3 (pid 4242, me)", "Xorg (pid 900, root)"),
        throttle=("SW Power Cap",),
        runfile="/usr/bin/nvidia-uninstall",
    )
    lines = text(
        facts_lines(dataclasses.replace(samples.facts(), driver=driver, chassis="laptop", desktop=True), Page(width=120))
    )
    assert [
        line.strip()
        for line in lines.splitlines()
        if line.startswith(("computer", "driver", "module", "pack", "left", "gpu u", "thr"))
    ] == [
        "computer   laptop with a desktop",
        "driver     NVIDIA 580.95.05 open, library 580.105.01",
        "module     nvidia 580.95.05 open for 6.8.0-45-generic, signed by Canonical",
        "module     nvidia-current 580.95.05 for 6.8.0-49-generic, not signed",
        "packages   2 packages of the driver from nvidia, ubuntu, 1 held",
        "left over  /usr/bin/nvidia-uninstall",
        "gpu users  python3 (pid 4242, me), Xorg (pid 900, root)",
        "throttle   SW Power Cap",
    ]
    assert ("driver", "nouveau is loaded") in driver_rows(Driver(nouveau="nouveau"))


def test_nothing_is_nothing() -> None:
    assert table([], Page(), headers=("a",)) == []
