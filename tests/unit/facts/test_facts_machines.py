"""The recorded machines that other tests stand on are whole, and look like machines."""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path

import pytest

from provision.facts.model import Facts, dump, load
from provision.knowledge.tables import gpu

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
    machines = {path.stem: load(json.loads(path.read_text())) for path in MACHINES}
    assert {machine.secure_boot for machine in machines.values()} == {True, False, None}
    assert {machine.system.version for machine in machines.values()} == {"12", "13", "22.04", "24.04", "26.04"}
    assert {machine.chassis for machine in machines.values()} == {"desktop", "laptop", "server", "vm", "container"}
    assert {len(machine.nvidia_gpus) for machine in machines.values()} >= {0, 1, 2}
    for machine in machines.values():
        assert {gpu.pci.partition(":")[0] for gpu in machine.gpus} <= {"10de", "8086", "1002", "1a03", "1013"}
    cards = [gpu(each.pci) for machine in machines.values() for each in machine.nvidia_gpus]
    generations = {card.architecture.name if card else "unknown" for card in cards}
    assert generations >= {"Kepler", "Maxwell", "Pascal", "Volta", "Turing", "Ampere", "Ada", "Hopper", "Blackwell", "unknown"}
    assert sum("-broken-" in name for name in machines) >= 16


def test_what_a_driver_is_said_to_be_is_possible() -> None:
    for path in MACHINES:
        facts = load(json.loads(path.read_text()))
        driver, kernels = facts.driver, {kernel.release for kernel in facts.driver.kernels}
        assert {module.kernel for module in driver.modules} <= kernels, path
        assert {build.kernel for build in driver.dkms} <= kernels, path
        assert not kernels or {facts.kernel.running, facts.kernel.next} <= kernels, path
        assert bool(driver.loaded) == bool(driver.loaded_flavour), path
        assert not driver.loaded or driver.loaded_flavour in {"open", "proprietary"}, path
        assert all(bound in {"", "nvidia"} or driver.nouveau == bound for bound in {card.driver for card in facts.nvidia_gpus}), (
            path
        )
        assert len({package.name for package in driver.packages}) == len(driver.packages), path
