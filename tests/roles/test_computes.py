"""The checks that compute with frameworks: doubles of these that compute right, and ones that go wrong as GPUs do.

`PROVISION_PYTHON_TORCH=…/bin/python` (`_JAX`, `_TENSORFLOW`) runs a check with the framework itself, on the processor.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from provision.catalog.templates import template
from tests.roles.test_gpu_check_scripts import card

DOUBLES = Path(__file__).parent / "doubles"
FRAMEWORKS = ("jax", "tensorflow", "torch")
BUILDS = {"jax": "cuda13", "tensorflow": "cu125", "torch": "cu132"}
TURING, ADA = ["NVIDIA GeForce RTX 2070 SUPER", 7, 5], ["NVIDIA GeForce RTX 4090", 8, 9]
CODES = ["sm_75", "sm_80", "sm_86", "sm_90", "compute_120"]
SKIPPED = 77


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine without an NVIDIA GPU, and the plugin of JAX's CUDA build beside it."""
    plugin = tmp_path / "packages/jax_cuda13_plugin-0.12.0.dist-info"
    plugin.mkdir(parents=True)
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: jax-cuda13-plugin\nVersion: 0.12.0\n")
    return card(tmp_path, "0000:00:02.0", vendor="0x8086", driver="i915")


def text(framework: str) -> str:
    return template(f"checks/computes_{framework}.py") + template("checks/computes.py")


def smaller(script: str) -> str:
    """Return a check that the doubles, which are slow, do in little time."""
    for before, after in (("SIZE = 128", "SIZE = 8"), ("STEPS, RATE = 50, 0.1", "STEPS, RATE = 12, 0.5")):
        assert script.count(before) == 1
        script = script.replace(before, after)
    return script


def check(framework: str, machine: Path, build: str = "", **said: object) -> tuple[int, str, str]:
    """Run a check with a double that is told `said`, on a machine with as many GPUs; return its code, evidence and hint."""
    gpus = said.get("gpus", [])
    assert isinstance(gpus, list)
    for at in range(int(str(said.pop("there", len(gpus))))):
        card(machine, f"0000:0{at + 1}:00.0")
    cuda = {"cuda": "13.2" if gpus else None, "codes": CODES}
    paths = [str(DOUBLES), *([str(machine / "packages")] if gpus else [])]
    done = subprocess.run(
        [sys.executable, "-", build or (BUILDS[framework] if gpus else "cpu")],
        input=smaller(text(framework)),
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(paths), "CHECK_ROOT": str(machine), "DOUBLE": json.dumps({**cuda, **said})},
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    return done.returncode, answer["evidence"], answer.get("hint", "")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_without_a_gpu_it_computes_on_the_processor_and_says_so(framework: str, machine: Path) -> None:
    code, evidence, hint = check(framework, machine)
    assert (code, hint) == (0, "")
    assert "on the CPU, as there is no NVIDIA GPU: errors fp32 " in evidence
    assert "bf16" in evidence
    losses = re.search(r"loss (\S+) to (\S+)$", evidence)
    assert losses
    assert float(losses[2]) < float(losses[1]) / 2
    assert f"{framework} " in evidence


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_build_for_the_processor_leaves_a_gpu_alone_and_says_so(framework: str, machine: Path) -> None:
    code, evidence, hint = check(framework, machine, there=1)
    assert (code, hint) == (0, "")
    assert "on the CPU, as the build is for it: errors fp32 " in evidence


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_gpu_computes(framework: str, machine: Path) -> None:
    code, evidence, _ = check(framework, machine, gpus=[ADA, ADA, TURING])
    assert code == 0, evidence
    assert "2 \N{MULTIPLICATION SIGN} NVIDIA GeForce RTX 4090 (8.9): errors fp32 0e+00, fp16 0e+00, bf16 0e+00" in evidence
    older = evidence.partition("RTX 2070 SUPER (7.5): ")[2]
    assert older.startswith("errors fp32 0e+00, fp16 0e+00, convolution")
    assert "\N{MULTIPLICATION SIGN} fp32" in older


def test_versions_are_evidence(machine: Path) -> None:
    evidence = check("torch", machine, gpus=[TURING])[1]
    processors = len(os.sched_getaffinity(0))
    assert evidence.startswith(f"torch 2.15.0, CUDA 13.2, cuDNN 9.26.0, BLAS mkl, 8 threads on {processors} processors; ")


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("wrong", "computes wrong, errors against exact sums: fp32 "),
        ("nan", "computes wrong, errors against exact sums: fp32 inf"),
        ("slope", "computes wrong, errors against exact sums: gradient "),
        ("flat", "does not learn: loss "),
    ],
)
def test_a_gpu_that_goes_wrong_is_found_out(framework: str, fault: str, said: str, machine: Path) -> None:
    code, evidence, hint = check(framework, machine, gpus=[ADA, TURING], fault=fault, at="cuda:1" if fault != "flat" else "")
    assert code == 1
    assert said in evidence
    assert evidence.startswith("GPU 1, NVIDIA GeForce RTX 2070 SUPER (7.5), " if fault != "flat" else "GPU 0")
    assert "provision" in hint


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_processor_that_computes_wrong_is_found_out(framework: str, machine: Path) -> None:
    code, evidence, _ = check(framework, machine, fault="wrong")
    assert (code, evidence.partition(",")[0]) == (1, "the CPU computes wrong")


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    ("error", "hint"),
    [
        ("CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be", "explain"),
        ("CUDNN_STATUS_ARCH_MISMATCH", "`provision explain` names the cuDNN"),
        ("CUDA error: an illegal memory access was encountered", "`provision doctor`"),
    ],
)
def test_it_says_available_and_the_kernel_fails(framework: str, error: str, hint: str, machine: Path) -> None:
    code, evidence, said = check(framework, machine, gpus=[TURING], raises=error)
    assert (code, evidence) == (1, f"GPU 0, NVIDIA GeForce RTX 2070 SUPER (7.5),: {error.partition(chr(10))[0]}")
    assert hint in said


@pytest.mark.parametrize("framework", ["tensorflow", "torch"])
@pytest.mark.parametrize(
    ("codes", "good"),
    [
        (["sm_75"], True),
        (["sm_70"], True),
        (["compute_70"], True),
        (["sm_80", "sm_90a"], False),
        (["sm_60", "compute_80"], False),
        (["sm_120", "compute_120"], False),
    ],
)
def test_a_build_without_code_for_the_card(framework: str, codes: list[str], good: bool, machine: Path) -> None:  # noqa: FBT001
    code, evidence, hint = check(framework, machine, gpus=[TURING], codes=codes)
    assert code == (0 if good else 1)
    if not good:
        assert evidence == f"no code for NVIDIA GeForce RTX 2070 SUPER (7.5): this build has {' '.join(codes)}"
        assert "provision explain" in hint


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_gpu_that_the_framework_does_not_see(framework: str, machine: Path) -> None:
    code, evidence, hint = check(framework, machine, gpus=[TURING], there=2)
    assert (code, evidence.partition(" sees ")[2]) == (1, "1 of 2 GPUs on the bus, whatever the driver says")
    assert "provision doctor" in hint


def test_a_part_of_a_gpu_is_all_there_is(machine: Path) -> None:
    assert check("torch", machine, gpus=[["NVIDIA H100 MIG 1g.10gb", 9, 0]], there=2)[0] == 0


@pytest.mark.parametrize("framework", ["jax", "torch"])
def test_cuda_that_does_not_start(framework: str, machine: Path) -> None:
    said = "The NVIDIA driver on your system is too old (found version 12040)."
    code, evidence, hint = check(framework, machine, gpus=[TURING], init=said)
    assert (code, evidence) == (1, f"CUDA does not start: {said}")
    assert hint == "`provision doctor` says what keeps the driver from the card"


def test_another_build_than_was_chosen(machine: Path) -> None:
    code, evidence, _ = check("torch", machine, build="cu126", gpus=[TURING])
    assert (code, evidence) == (1, "PyTorch is the build cu132, chosen was cu126")
    assert check("torch", machine, build="-", gpus=[TURING], there=0)[0] == 0
    assert check("jax", machine, build="cuda12")[0] == 1


def test_a_framework_that_cannot_be_imported(machine: Path) -> None:
    said = "libcudnn.so.9: cannot open shared object file"
    code, evidence, _ = check("torch", machine, gpus=[TURING], **{"import": said})
    assert (code, evidence) == (1, f"PyTorch is not to be imported: {said}")


def test_memory_that_another_program_has(machine: Path) -> None:
    said = "CUDA out of memory. Tried to allocate 20.00 MiB."
    code, evidence, _ = check("torch", machine, gpus=[TURING], raises=said, free=1 << 20)
    assert (code, evidence.endswith("no memory left: another program has it")) == (SKIPPED, True)


@pytest.mark.parametrize(
    ("framework", "said"), [("tensorflow", {"exhausted": True}), ("jax", {"raises": "RESOURCE_EXHAUSTED: Out of"})]
)
def test_memory_that_another_program_has_elsewhere(framework: str, said: dict[str, object], machine: Path) -> None:
    assert check(framework, machine, "", gpus=[TURING], **said)[0] == SKIPPED


def test_out_of_memory_on_a_free_gpu_is_a_fault(machine: Path) -> None:
    assert check("torch", machine, gpus=[TURING], raises="CUDA out of memory.", free=4 << 30)[0] == 1


def test_a_container_that_was_not_given_the_gpu(machine: Path) -> None:
    (machine / "run/systemd").mkdir(parents=True)
    (machine / "run/systemd/container").write_text("systemd-nspawn\n")
    assert check("torch", machine, gpus=[TURING])[:2] == (SKIPPED, "this container was not given the GPU")
    (machine / "dev").mkdir()
    (machine / "dev/nvidiactl").touch()
    assert check("torch", machine, gpus=[TURING], there=0)[0] == 0


def test_old_releases_have_no_half_precision_on_the_processor(machine: Path) -> None:
    code, evidence, _ = check("torch", machine, lacks="fp16")
    assert code == 0
    assert "fp16" not in evidence


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_framework_itself(framework: str, machine: Path) -> None:
    python = os.environ.get(f"PROVISION_PYTHON_{framework.upper()}")
    if not python:
        pytest.skip(f"PROVISION_PYTHON_{framework.upper()} names no Python that has it")
    done = subprocess.run(
        [python, "-", "cpu"], input=text(framework), capture_output=True, text=True, check=False, env={"CHECK_ROOT": str(machine)}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "on the CPU, as there is no NVIDIA GPU" in done.stdout
