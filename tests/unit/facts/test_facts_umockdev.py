"""A desktop with two GPUs, made of nothing: umockdev shows the collector a /sys with an RTX 2070 SUPER and Intel's own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
INTEL = """P: /devices/pci0000:00/0000:00:02.0
E: SUBSYSTEM=pci
A: class=0x030000\\n
A: vendor=0x8086\\n
A: device=0x3e92\\n
L: driver=../../../bus/pci/drivers/i915

"""
NVIDIA = """P: /devices/pci0000:00/0000:00:01.0/0000:01:00.0
E: SUBSYSTEM=pci
A: class=0x030000\\n
A: vendor=0x10de\\n
A: device=0x1e84\\n
L: driver=../../../../bus/pci/drivers/nouveau

P: /devices/pci0000:00/0000:00:01.0/0000:01:00.1
E: SUBSYSTEM=pci
A: class=0x040300\\n
A: vendor=0x10de\\n
A: device=0x10f8\\n

"""


def collected(folder: Path, devices: str) -> dict[str, Any]:
    description = folder / "desktop.umockdev"
    description.write_text(devices)
    code = "import json; from provision.agent.facts import collect; from provision.facts.model import dump"
    argv = ["umockdev-run", f"--device={description}", "--", sys.executable, "-c", f"{code}; print(json.dumps(dump(collect())))"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, cwd=ROOT)
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


@pytest.fixture(autouse=True)
def needs_umockdev() -> None:
    if not shutil.which("umockdev-run"):
        pytest.skip("umockdev is not here to make devices: `apt-get install umockdev`")


def test_two_gpus(tmp_path: Path) -> None:
    facts = collected(tmp_path, INTEL + NVIDIA)
    assert [(gpu["slot"], gpu["pci"], gpu["driver"]) for gpu in facts["gpus"]] == [
        ("0000:00:02.0", "8086:3e92", "i915"),
        ("0000:01:00.0", "10de:1e84", "nouveau"),
    ]
    assert facts["driver"]["nouveau"] == "nouveau"


def test_without_the_card(tmp_path: Path) -> None:
    facts = collected(tmp_path, INTEL)
    assert [gpu["pci"] for gpu in facts["gpus"]] == ["8086:3e92"]
    assert facts["driver"]["nouveau"] == ""
