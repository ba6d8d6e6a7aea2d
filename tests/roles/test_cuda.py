"""The role `cuda`: toolkits side by side, never a driver, and a shell that finds them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, TypeVar

import pytest

from provision.catalog.templates import template
from provision.errors import InputError
from provision.facts.model import Facts
from provision.knowledge.stack import ToolkitChoice
from provision.profile.model import Profile
from provision.resources import Alternative, AptPin, AptSource, File, Packages, Resource
from tests.roles.machines import FIT, compiled, machine, selected, shipped

R = TypeVar("R", bound=Resource)
TURING = "ubuntu-24.04-rtx-2070-super"
PASCAL = "debian-12-gtx-1080-ti-bios"
NO_GPU = "ubuntu-24.04-no-gpu"
AUTO = Profile()


def profile(*toolkits: str, **nvidia: Any) -> Profile:  # noqa: ANN401 - the section's fields
    return Profile.model_validate({"cuda": {"toolkits": toolkits}, "nvidia": nvidia})


def of(kind: type[R], facts: Facts, wanted: Profile = AUTO) -> list[R]:
    entries = compiled(wanted, facts, "cuda").entries
    return [entry.resource for entry in entries if isinstance(entry.resource, kind) and entry.role == "cuda"]


def names(facts: Facts, wanted: Profile = AUTO) -> list[str]:
    return [name for each in of(Packages, facts, wanted) for name in each.names]


# Who gets it


@pytest.mark.parametrize(("toolkits", "why"), [(("auto",), "no NVIDIA GPU"), ((), "the profile has `toolkits = []`")])
def test_who_does_not_get_it_and_why(toolkits: tuple[str, ...], why: str) -> None:
    wanted = profile(*toolkits)
    assert dict(selected(wanted, machine(NO_GPU)).skipped)["cuda"] == why
    with pytest.raises(InputError) as caught:
        compiled(wanted, machine(NO_GPU), "cuda")
    assert caught.value.message == why


def test_a_machine_without_a_gpu_may_compile_for_others() -> None:
    wanted = profile("12.8")
    assert "cuda" in {role.name for role in selected(wanted, machine(NO_GPU)).roles}
    assert "nvidia" not in {role.name for role in selected(wanted, machine(NO_GPU)).roles}
    assert "cuda-toolkit-12-8" in names(machine(NO_GPU), wanted)
    assert of(AptPin, machine(NO_GPU), wanted)[0].pin == "release l=NVIDIA CUDA"


# What it does


@pytest.mark.parametrize("name", FIT)
def test_a_toolkit_never_brings_a_driver(name: str) -> None:
    every = {
        package
        for each in compiled(AUTO, machine(name)).entries
        if isinstance(each.resource, Packages)
        for package in each.resource.names
    }
    assert not every & {"cuda", "cuda-drivers-fabricmanager", "cuda-runtime-13-2"}
    if any(package.startswith("cuda-toolkit") for package in every):
        entries = [entry.resource for entry in compiled(AUTO, machine(name)).entries]
        assert any(isinstance(each, AptPin) and each.priority == -1 for each in entries)


def test_toolkits_stand_side_by_side_and_the_first_is_found() -> None:
    wanted = profile("12.8", "13.2")
    assert names(machine(TURING), wanted)[:3] == ["g++", "cuda-toolkit-12-8", "cuda-toolkit-13-2"]
    assert of(Alternative, machine(TURING), wanted) == [
        Alternative(name="cuda", link="/usr/local/cuda", path="/usr/local/cuda-12.8"),
    ]
    checks = [item.check for item in compiled(wanted, machine(TURING), "cuda").checks if item.role == "cuda"]
    assert [(check.name, check.probe.argv[2:]) for check in checks] == [
        ("nvcc 12.8 compiles", ("/usr/local/cuda-12.8", "7.5")),
        ("nvcc 13.2 compiles", ("/usr/local/cuda-13.2", "7.5")),
        ("GPU computes", ("/usr/local/cuda-12.8", "7.5")),
    ]


def test_the_repository_is_the_drivers_where_both_come_from_it() -> None:
    every = [entry for entry in compiled(AUTO, machine(PASCAL), "cuda").entries if isinstance(entry.resource, AptSource)]
    assert [(entry.role, entry.resource.key) for entry in every] == [("nvidia", "apt_source:provision-nvidia")]
    assert [each.name for each in of(AptSource, machine(TURING))] == ["provision-nvidia"]


def test_cudnn_stays_at_the_last_release_for_an_old_card_and_nccl_at_the_line() -> None:
    pins = {pin.name: pin for pin in of(AptPin, machine(PASCAL))}
    assert (pins["provision-cudnn"].pin, pins["provision-cudnn"].priority) == ("version 9.10.2.21-*", 1001)
    assert pins["provision-nccl"].pin == "version *+cuda12.*"
    assert "provision-cudnn" not in {pin.name for pin in of(AptPin, machine(TURING))}
    assert {"cudnn9-cuda-12", "libnccl2", "libnccl-dev"} <= set(names(machine(PASCAL)))


def test_debians_own_toolkit_has_no_folder_and_gets_a_compiler_it_takes() -> None:
    wanted = profile("auto", origin="debian", flavour="proprietary")
    facts = machine(PASCAL)
    assert {"nvidia-cuda-toolkit", "gcc-11", "g++-11"} <= set(names(facts, wanted))
    assert not of(Alternative, facts, wanted)
    assert not of(AptSource, facts, wanted)
    (file,) = of(File, facts, wanted)
    assert "PATH" not in str(file.content)
    assert 'NVCC_PREPEND_FLAGS="-ccbin /usr/bin/g++-11"' in str(file.content)
    checks = [item.check for item in compiled(wanted, facts, "cuda").checks if item.role == "cuda"]
    assert checks[0].probe.argv[2:] == ("-", "6.1")


def test_no_toolkit_for_a_card_is_said_and_nothing_else_happens() -> None:
    catalog = compiled(AUTO, machine("debian-12-gtx-780"), "cuda")
    assert not [entry for entry in catalog.entries if entry.role == "cuda"]
    (note,) = [each.note for each in catalog.notes if each.role == "cuda"]
    assert note.summary == "no toolkit"
    assert any("no CUDA toolkit" in warning for warning in note.warnings)


# The shell


def test_one_compiler_is_for_all_toolkits() -> None:
    def kit(version: str, gcc: int) -> ToolkitChoice:
        return ToolkitChoice(version=version, origin="nvidia", packages=(), gcc=gcc)

    made = shipped()["cuda"].generate.__globals__["_shell"]((kit("13.2", 0), kit("12.8", 14), kit("12.4", 13)))
    assert "NVCC_CCBIN=/usr/bin/g++-13\n" in next(str(each.content) for each in made if isinstance(each, File))


def shell(tmp_path: Path, text: str, *, path: str, times: int = 1) -> dict[str, str]:
    script = tmp_path / "provision-cuda.sh"
    script.write_text(text)
    words = f". {script}\n" * times + "env"
    done = subprocess.run(["/bin/sh", "-eu", "-c", words], env={"PATH": path}, capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def test_the_shell_finds_nvcc_once_however_often_it_logs_in(tmp_path: Path) -> None:
    text = template("cuda/provision-cuda.sh.j2", bin="/usr/local/cuda/bin", gcc=0)
    found = shell(tmp_path, text, path="/usr/bin:/bin", times=3)
    assert found["PATH"] == "/usr/local/cuda/bin:/usr/bin:/bin"
    assert not {"LD_LIBRARY_PATH", "NVCC_CCBIN"} & found.keys()
    assert shell(tmp_path, text, path="/usr/bin:/bin:/usr/local/cuda/bin")["PATH"].count("cuda") == 1


def test_the_shell_names_an_older_compiler_where_nvcc_needs_one(tmp_path: Path) -> None:
    text = template("cuda/provision-cuda.sh.j2", bin="", gcc=11)
    found = shell(tmp_path, text, path="/usr/bin:/bin")
    assert found["PATH"] == "/usr/bin:/bin"
    assert found["NVCC_PREPEND_FLAGS"] == "-ccbin /usr/bin/g++-11"
    assert found["NVCC_CCBIN"] == found["CUDAHOSTCXX"] == "/usr/bin/g++-11"
