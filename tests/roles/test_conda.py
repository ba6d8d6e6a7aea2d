"""Environments of conda packages: what brings them, where from, for which machine, and how their kernels are set."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from pathlib import Path

import pytest

from provision.catalog.conda_program import conda_program
from provision.catalog.templates import template
from provision.errors import InputError
from provision.knowledge.virtual import cuda, virtual_packages
from provision.resources import CondaEnvironment, File, Packages, Rattler
from tests.roles.asking import (
    CPU,
    READY,
    TURING,
    catalog,
    condas,
    files,
    profile,
)
from tests.roles.machines import machine

# conda


def test_conda_environments_have_rattler_the_program_and_conda_itself_before_them() -> None:
    wanted = profile({"name": "x", "manager": "conda", "packages": ("numpy=2.4",)})
    kinds = [entry.resource for entry in catalog(wanted, machine(CPU)).entries if entry.role == "environments"]
    order = ["packages", "uv", "rattler", "file", "conda_environment", "file", "file", "conda_environment", "directory", "file"]
    assert [each.kind for each in kinds if not isinstance(each, Packages) or "python3-venv" in each.names] == order
    rattler, program, base = (each for each in kinds[2:5])
    assert isinstance(rattler, Rattler)
    assert isinstance(program, File)
    assert isinstance(base, CondaEnvironment)
    found = condas(wanted, machine(CPU))["x"]
    assert (found.python, found.program) == (rattler.python, program.path)
    assert (base.path, base.owner, base.python) == ("/opt/conda", "root", rattler.python)
    assert {"conda", "mamba>=2"} <= set(base.specs)
    assert program.content == conda_program()
    assert found.specs == ("numpy=2.4", "ipykernel", "pip", "python=3.11")
    assert (found.pip, found.uv.endswith("/bin/uv"), found.owner) == ((), True, "me"), "what pip put there besides is drift, too"
    without = profile({"name": "x", "manager": "conda"}, conda={"base": False})
    assert set(condas(without, machine(CPU))) == {"x"}
    assert "/opt/conda/.condarc" not in files(without, machine(CPU))


@pytest.mark.parametrize(
    ("said", "spec"),
    [
        ({"python": "3.13"}, "python=3.13"),
        ({"packages": ("python>=3.12",)}, "python>=3.12"),
        ({"frameworks": ("jax",)}, "python=3.12"),
        ({}, "python=3.11"),
    ],
)
def test_one_spec_of_python(said: dict[str, object], spec: str) -> None:
    found = condas(profile({"name": "x", "manager": "conda", **said}), machine(CPU))["x"]
    assert [each for each in found.specs if each.startswith("python")] == [spec]


def test_channels_go_by_name_and_are_fetched_from_their_mirror() -> None:
    channels = ("conda-forge", "http://mirror.test/own/lab")
    wanted = profile({"name": "x", "manager": "conda", "channels": channels}, conda=READY["conda"])
    found = condas(wanted, machine(CPU))
    forge = ("conda-forge", "http://mirror.test/conda/conda-forge")
    assert found["x"].channels == (forge, ("lab", "http://mirror.test/own/lab"))
    assert found["base"].channels == (forge,)
    plain = condas(profile({"name": "x", "manager": "conda"}), machine(CPU))["x"]
    assert plain.channels == (("conda-forge", ""),)
    assert plain.request == condas(profile({"name": "x", "manager": "conda"}, conda=READY["conda"]), machine(CPU))["x"].request


def test_condas_own_configuration_names_no_channel_of_anacondas() -> None:
    wanted = profile({"name": "x", "manager": "conda"})
    text = files(wanted, machine(CPU))["/opt/conda/.condarc"]
    assert "channels:\n  - conda-forge\n" in text
    assert "default_channels: []" in text
    assert "auto_activate_base: false" in text
    assert "custom" not in text
    mirrors = {"conda-forge": "http://mirror.test/conda/conda-forge", "lab": "http://mirror.test/x"}
    text = files(profile({"name": "x", "manager": "conda"}, conda={"mirrors": mirrors}), machine(CPU))["/opt/conda/.condarc"]
    assert "custom_channels:\n  conda-forge: http://mirror.test/conda\n" in text
    assert "custom_multichannels:\n  lab:\n    - http://mirror.test/x\n" in text


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_the_shells_script_is_silent_with_and_without_conda(tmp_path: Path, shell: str) -> None:
    script = tmp_path / "provision-conda.sh"
    script.write_text(template("conda/provision-conda.sh.j2", base=str(tmp_path)))

    def told() -> tuple[int, str]:
        done = subprocess.run(
            [shell, "-euc", f". {script}; echo ok $FOUND"], capture_output=True, text=True, check=False, env={"FOUND": ""}
        )
        return done.returncode, done.stdout + done.stderr

    assert told() == (0, "ok\n")
    (tmp_path / "etc/profile.d").mkdir(parents=True)
    (tmp_path / "etc/profile.d/conda.sh").write_text("FOUND=conda\n")
    assert told() == (0, "ok conda\n")


def test_a_processor_that_conda_has_no_packages_for() -> None:
    facts = machine(CPU)
    other = dataclasses.replace(facts, system=dataclasses.replace(facts.system, architecture="riscv64"))
    with pytest.raises(InputError, match=r"no (uv|rattler|conda packages|py-rattler).* `riscv64` machines"):
        condas(profile({"name": "x", "manager": "conda"}), other)


# virtual packages


def test_cuda_is_what_the_driver_will_offer() -> None:
    wanted = profile({"name": "x", "manager": "conda"})
    assert dict(condas(wanted, machine(TURING))["x"].virtual)["__cuda"] == "13.2"
    older = profile({"name": "x", "manager": "conda"}, nvidia={"branch": "580"})
    assert dict(condas(older, machine(TURING))["x"].virtual)["__cuda"] == "13.0"
    assert "__cuda" not in dict(condas(wanted, machine(CPU))["x"].virtual)
    card = profile({"name": "x", "manager": "conda"}, nvidia={"gpus": ("10de:1e84",)})
    assert "__cuda" in dict(condas(card, machine(CPU))["x"].virtual)


@pytest.mark.parametrize(
    ("driver", "line"),
    [("595.84", "13.2"), ("595.58.03", "13.2"), ("595.45", "13.1"), ("470.256.02", "11.4"), ("390.157", ""), ("", "")],
)
def test_the_line_of_cuda_that_a_driver_offers(driver: str, line: str) -> None:
    assert cuda(driver) == line


def test_what_else_the_machine_has() -> None:
    facts = machine(CPU)
    found = dict(virtual_packages(facts, ""))
    assert found["__glibc"] == facts.system.glibc == "2.36"
    assert found["__archspec"] == facts.cpu.level
    assert re.fullmatch(r"6\.[0-9.]+", found["__linux"])
    bare = dataclasses.replace(
        facts, system=dataclasses.replace(facts.system, glibc=""), cpu=dataclasses.replace(facts.cpu, level="")
    )
    assert "__archspec" not in dict(virtual_packages(bare, ""))
    assert dict(virtual_packages(bare, ""))["__glibc"] == "2.28"


def test_the_kernel_of_a_conda_environment_sets_what_activation_would() -> None:
    wanted = profile({"name": "x", "manager": "conda", "packages": ("cuda-nvcc=13", "cupy"), "path": "/srv/own"})
    spec = json.loads(files(wanted, machine(TURING))["/home/me/.local/share/jupyter/kernels/x/kernel.json"])
    assert spec["argv"][0] == "/srv/own/bin/python"
    assert spec["env"] == {
        "PATH": "/srv/own/bin:${PATH}",
        "CONDA_PREFIX": "/srv/own",
        "CONDA_DEFAULT_ENV": "x",
        "CFLAGS": "-I/srv/own/targets/x86_64-linux/include",
        "CPPFLAGS": "-I/srv/own/targets/x86_64-linux/include",
        "CXXFLAGS": "-I/srv/own/targets/x86_64-linux/include",
        "LDFLAGS": "-L/srv/own/targets/x86_64-linux/lib -L/srv/own/targets/x86_64-linux/lib/stubs",
        "NVCC_PREPEND_FLAGS": "-ccbin=/srv/own/bin/x86_64-conda-linux-gnu-c++",
        "CUDA_PATH": "/srv/own",
    }
