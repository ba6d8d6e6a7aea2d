"""The recorded machines that other tests stand on are whole, and look like machines."""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path

import pytest

from provision.facts.model import Facts, dump, load

MACHINES = sorted((Path(__file__).parents[2] / "machines").glob("*.json"))


@pytest.fixture(params=MACHINES, ids=lambda path: path.stem)
def facts(request: pytest.FixtureRequest) -> Facts:
    text = request.param.read_text()
    facts = load(json.loads(text))
    assert json.loads(json.dumps(dump(facts))) == json.loads(text)
    return facts


def test_it_looks_like_a_machine(facts: Facts) -> None:
    assert facts.system.id in {"debian", "ubuntu"}
    assert all(re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{4}", gpu.pci) for gpu in facts.gpus)
    assert all(ipaddress.ip_address(address) for interface in facts.interfaces for address in interface.addresses)
    assert facts.person(facts.login)
    assert any(item.at == "/" and item.free < item.size for item in facts.filesystems)
    assert facts.cpu.cores <= facts.cpu.threads
    assert (facts.kernel.next == "") == (facts.virtualization == "systemd-nspawn")


def test_the_kinds_of_machine_that_matter_are_there() -> None:
    machines = [load(json.loads(path.read_text())) for path in MACHINES]
    assert {machine.secure_boot for machine in machines} == {True, False, None}
    assert {len(machine.nvidia_gpus) for machine in machines} >= {0, 1, 2}
    assert {machine.system.version for machine in machines} >= {"12", "13", "22.04", "24.04", "26.04"}
