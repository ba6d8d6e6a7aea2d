"""PyTorch for the processor from this machine's own package settings: it computes, it trains, its kernel runs.

Once in an environment of uv's, once on top of conda packages (stand-ins: that Python is the machine's own). About 3 minutes on
two processors, most of it for 190 MB of wheel.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provision.box import pip_settings
from provision.box.box import Box
from provision.box.snapshot import differences, take
from tests.system.conda_lab import URL, settle
from tests.system.conftest import FreshBox
from tests.system.driving import Driver

pytestmark = [pytest.mark.box, pytest.mark.slow]

RELEASE, PYTHON = "debian-12", "3.11"
ROLE = ("environments", "--skip", "base")
TREES = ("/etc", "/home", "/opt/provision", "/root", "/usr/local", "/var/lib")
PROFILES = {
    "uv": """
[[environment]]
name = "deep"
frameworks = ["torch"]
""",
    "conda": f"""
[conda]
base = false
mirrors = {{ conda-forge = "{URL}" }}
[[environment]]
name = "deep"
manager = "conda"
frameworks = ["torch"]
packages = ["beta"]
pip = ["ipykernel"]
""",
}
NETWORK = """
import torch
torch.manual_seed(0)
inputs = torch.randn(256, 8)
wanted = (inputs[:, :1] * inputs[:, 1:2]).sign()
network = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
steps = torch.optim.Adam(network.parameters(), lr=0.05)
losses = []
for _ in range(50):
    loss = torch.nn.functional.mse_loss(network(inputs), wanted)
    steps.zero_grad()
    loss.backward()
    steps.step()
    losses.append(loss.item())
print(losses[0], losses[-1], torch.__version__)
"""


def wheel() -> str:
    """Return the PyTorch that pip finds on this machine without an index; empty where there is none for the box's Python."""
    tag = f"cp{PYTHON.replace('.', '')}"
    return next(
        (path.name for folder in pip_settings.here().directories() for path in sorted(folder.glob(f"torch-*{tag}*.whl"))),
        "",
    )


@pytest.fixture(params=PROFILES)
def driver(request: pytest.FixtureRequest, fresh_box: FreshBox, tmp_path: Path) -> Driver:
    if not wheel():
        pytest.skip("pip's settings here lead to no folder with a PyTorch for the box's Python")
    driver = Driver(fresh_box(RELEASE), tmp_path)
    driver.profile(PROFILES[request.param])
    if request.param == "conda":
        settle(driver.box, tmp_path / "channel")
    return driver


def test_pytorch_trains(driver: Driver) -> None:
    plan = driver.run("plan", *ROLE)
    assert plan.code == 0, plan
    first = driver.run("apply", *ROLE, timeout=500)
    assert first.code == 0, first
    verdicts = {event["name"]: event for event in first.events if event["event"] == "verdict"}
    assert {event["outcome"] for event in verdicts.values()} == {"passed"}, verdicts
    evidence = next(event["evidence"] for name, event in verdicts.items() if "PyTorch" in name)
    assert "CPU" in evidence, "reported as what it is"
    assert wheel().split("-")[1].partition("+")[0] in evidence
    assert "kernel deep" in verdicts

    said = driver.box.succeed(["/home/demo/envs/deep/bin/python", "-c", NETWORK], user="demo").split()
    assert float(said[1]) < float(said[0]) / 2, "our own network learns, too"
    assert f"torch-{said[2]}" in wheel()

    before = take(driver.box, trees=TREES)
    again = driver.run("apply", *ROLE)
    assert (again.code, again.pending, again.events) == (0, {}, [])
    assert differences(before, take(driver.box, trees=TREES)) == ()
    assert driver.run("verify", *ROLE, timeout=300).code == 0
    notebook(driver.box)


CELLS = """
import json, sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="deep")
try:
    answer = client.execute_interactive(
        "import torch, os; where = os.environ.get('VIRTUAL_ENV') or os.environ['CONDA_PREFIX']; "
        "print(torch.__version__, float(torch.ones(3) @ torch.ones(3)), where)",
        timeout=60, output_hook=lambda message: print(json.dumps(message["content"])),
    )
    assert answer["content"]["status"] == "ok", answer["content"]
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
"""


def notebook(box: Box) -> None:
    """Start the kernel by its name, as a notebook does, and let it compute."""
    said = box.succeed(["/home/demo/envs/deep/bin/python", "-c", CELLS], user="demo")
    (printed,) = (json.loads(line)["text"] for line in said.splitlines() if '"stdout"' in line)
    assert printed.split()[1:] == ["3.0", "/home/demo/envs/deep"]
