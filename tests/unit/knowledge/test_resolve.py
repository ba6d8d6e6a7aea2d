"""What the resolver chooses, against the rows of the facts: §1a (drivers), §2 (toolkits), §7 (frameworks)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provision.errors import InputError
from provision.knowledge.stack import FrameworkChoice
from provision.knowledge.tables import knowledge
from tests.unit.knowledge.asked import NOBLE, answer, driver, refused, torch, with_driver


@pytest.mark.parametrize("secure_boot", [True, False, None])
def test_the_machine_this_began_with(*, secure_boot: bool | None) -> None:
    stack = answer("RTX 2070 SUPER", secure_boot=secure_boot, frameworks=("torch",))
    assert stack.driver is not None
    assert driver(stack) == (595, "open", "ubuntu")
    assert stack.driver.signed
    assert stack.driver.packages == ("nvidia-driver-595-open", "linux-modules-nvidia-595-open-generic")
    assert [(kit.version, kit.origin, kit.gcc) for kit in stack.toolkits] == [("13.2", "nvidia", 0)]
    assert stack.toolkits[0].packages == ("cuda-toolkit-13-2",)
    assert stack.cudnn is not None
    assert (stack.cudnn.line, stack.cudnn.constraint) == ("13", "")
    assert stack.python == "3.12"
    assert stack.frameworks == (
        FrameworkChoice(name="torch", version="2.15", build="cu132", index="", requirement="torch==2.15.*"),
    )


@pytest.mark.parametrize(
    ("card", "branch", "flavour"),
    [
        ("Tesla K80", 470, "proprietary"),
        ("GTX 980 Ti", 580, "proprietary"),
        ("GTX 1080 Ti", 580, "proprietary"),
        ("Tesla V100", 580, "proprietary"),
        ("RTX 2070 SUPER", 595, "open"),
        ("GTX 1650", 595, "open"),
        ("A100", 595, "open"),
        ("RTX 4090", 595, "open"),
        ("H100", 595, "open"),
        ("RTX 5090", 595, "open"),
        ("B200", 595, "open"),
        ("B300", 595, "open"),
        ("GB10", 595, "open"),
    ],
)
def test_drivers_by_architecture(card: str, branch: int, flavour: str) -> None:
    """§1a, with the newest that is supported for long."""
    assert driver(answer(card)) == (branch, flavour, "ubuntu")


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("Tesla K80", ("2.5", "cu118")),
        ("GTX 750 Ti", ("2.14", "cu126")),
        ("GTX 980 Ti", ("2.14", "cu126")),
        ("Tesla P100", ("2.14", "cu126")),
        ("GTX 1080 Ti", ("2.14", "cu126")),
        ("Tesla V100", ("2.14", "cu126")),
        ("RTX 2070 SUPER", ("2.15", "cu132")),
        ("A100", ("2.15", "cu132")),
        ("RTX 3090", ("2.15", "cu132")),
        ("RTX 4090", ("2.15", "cu132")),
        ("H100", ("2.15", "cu132")),
        ("RTX 5090", ("2.15", "cu132")),
        ("B200", ("2.15", "cu132")),
        ("B300", ("2.15", "cu132")),
        ("GB10", ("2.15", "cu132")),
    ],
)
def test_newest_torch(card: str, expected: tuple[str, str]) -> None:
    """§7.1, "GPU → newest torch"."""
    assert torch(answer(card, frameworks=("torch",))) == expected


@pytest.mark.parametrize(
    ("card", "branch", "version", "expected"),
    [
        ("RTX 2070 SUPER", 570, "570.211.01", ("2.14", "cu126")),
        ("RTX 4090", 535, "535.309.01", ("2.14", "cu126")),
        ("RTX 5090", 570, "570.211.01", ("2.11", "cu128")),
        ("RTX 5090", 580, "580.178.04", ("2.15", "cu130")),
        ("RTX 2070 SUPER", 580, "580.178.04", ("2.15", "cu130")),
        ("Tesla V100", 535, "535.309.01", ("2.14", "cu126")),
    ],
)
def test_newest_torch_on_an_older_driver(card: str, branch: int, version: str, expected: tuple[str, str]) -> None:
    """§7.1: cu13x from 580 on, cu12x from 525, and Blackwell from 570."""
    stack = answer(card, tables=with_driver(branch, version, only=True), frameworks=("torch",))
    assert driver(stack)[0] == branch
    assert torch(stack) == expected


@pytest.mark.parametrize(
    ("card", "toolkit"),
    [("GTX 980 Ti", "12.9"), ("GTX 1080 Ti", "12.9"), ("Tesla V100", "12.9"), ("GTX 1650", "13.2"), ("RTX 5090", "13.2")],
)
def test_newest_toolkit(card: str, toolkit: str) -> None:
    """§2.3: 13.0 dropped what is older than Turing; §2.1: 13.3 needs 610."""
    assert [kit.version for kit in answer(card).toolkits] == [toolkit]


@pytest.mark.parametrize(
    ("version", "toolkit"), [("535.309.01", "12.2"), ("550.163.01", "12.4"), ("570.211.01", "12.8"), ("575.64.03", "12.9")]
)
def test_a_toolkit_is_no_newer_than_the_driver(version: str, toolkit: str) -> None:
    tables = with_driver(int(version[:3]), version, system="ubuntu-22.04", only=True)
    assert [kit.version for kit in answer("RTX 3090", tables=tables, system="ubuntu-22.04").toolkits] == [toolkit]


@pytest.mark.parametrize(
    ("system", "origin", "expected"),
    [
        ("debian-12", "auto", (595, "open", "nvidia")),
        ("debian-13", "auto", (595, "open", "nvidia")),
        ("debian-12", "debian", (535, "open", "debian")),
        ("debian-13", "debian", (550, "open", "debian")),
        ("ubuntu-22.04", "auto", (595, "open", "ubuntu")),
        ("ubuntu-26.04", "auto", (595, "open", "ubuntu")),
        (NOBLE, "nvidia", (595, "open", "nvidia")),
    ],
)
def test_origins(system: str, origin: str, expected: tuple[int, str, str]) -> None:
    assert driver(answer("RTX 2070 SUPER", system=system, origin=origin)) == expected


def test_debians_own_driver_runs_no_cuda_13() -> None:
    """§3.4."""
    bookworm = answer("RTX 3090", system="debian-12", origin="debian", frameworks=("torch",))
    assert (torch(bookworm), bookworm.toolkits[0].version, bookworm.toolkits[0].gcc) == (("2.14", "cu126"), "11.8", 11)
    trixie = answer("RTX 3090", system="debian-13", origin="debian", frameworks=("torch",))
    assert (torch(trixie), trixie.toolkits[0].version, trixie.toolkits[0].gcc) == (("2.14", "cu126"), "12.4", 13)
    assert trixie.toolkits[0].packages == ("nvidia-cuda-toolkit", "gcc-13", "g++-13")
    assert bookworm.driver is not None
    assert "linux-headers-amd64" in bookworm.driver.packages


def test_debian_where_it_alone_has_what_a_card_needs() -> None:
    assert driver(answer("Tesla K80", system="debian-12")) == (470, "proprietary", "debian")
    assert driver(answer("GTX 1080 Ti", system="debian-13"))[2] == "debian"
    assert driver(answer("GTX 1080 Ti", system="debian-12")) == (580, "proprietary", "nvidia")


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        (("GTX 1080 Ti", "RTX 2070 SUPER"), (580, "proprietary", ("2.14", "cu126"))),
        (("GTX 980 Ti", "Tesla V100"), (580, "proprietary", ("2.14", "cu126"))),
        (("RTX 3090", "RTX 3090"), (595, "open", ("2.15", "cu132"))),
        (("RTX 2070 SUPER", "RTX 5090"), (595, "open", ("2.15", "cu132"))),
    ],
)
def test_several_cards(cards: tuple[str, ...], expected: tuple[int, str, tuple[str, str]]) -> None:
    stack = answer(*cards, frameworks=("torch",))
    assert (*driver(stack)[:2], torch(stack)) == expected
    assert len(stack.gpus) == len(cards)


@pytest.mark.parametrize(
    ("card", "names", "chosen", "python"),
    [
        (
            "RTX 2070 SUPER",
            ("torch", "tensorflow", "jax"),
            {"torch": "2.14 cu126", "tensorflow": "2.21 cu125", "jax": "0.12 cuda12"},
            "3.12",
        ),
        ("RTX 2070 SUPER", ("tensorflow", "torch"), {"tensorflow": "2.21 cu125", "torch": "2.14 cu126"}, "3.12"),
        ("RTX 2070 SUPER", ("jax",), {"jax": "0.12 cuda13"}, "3.12"),
        ("RTX 2070 SUPER", ("jax", "torch"), {"jax": "0.12 cuda13", "torch": "2.15 cu132"}, "3.12"),
        ("GTX 1080 Ti", ("jax",), {"jax": "0.12 cuda12"}, "3.12"),
        ("RTX 2070 SUPER", ("fastai",), {"fastai": "2.8.12 any", "torch": "2.15 cu132"}, "3.12"),
        ("RTX 2070 SUPER", ("fastai==2.8.5",), {"fastai": "2.8.5 any", "torch": "2.9 cu130"}, "3.12"),
        ("RTX 2070 SUPER", ("torch==2.8", "fastai"), {"torch": "2.8 cu129", "fastai": "2.8.12 any"}, "3.12"),
        ("RTX 5090", ("torch", "tensorflow"), {"torch": "2.11 cu128", "tensorflow": "2.21 cu125"}, "3.12"),
    ],
)
def test_frameworks_that_share_an_environment(card: str, names: tuple[str, ...], chosen: dict[str, str], python: str) -> None:
    """§7.2 (no cu12 beside cu13), §7.5, §7.6."""
    stack = answer(card, frameworks=names)
    assert {one.name: f"{one.version} {one.build}" for one in stack.frameworks} == chosen
    assert stack.python == python


@pytest.mark.parametrize(
    ("system", "names", "python"),
    [
        ("ubuntu-22.04", ("torch",), "3.12"),
        ("ubuntu-22.04", (), "3.10"),
        ("ubuntu-26.04", ("torch",), "3.14"),
        ("ubuntu-26.04", ("torch", "tensorflow", "jax"), "3.12"),
        ("debian-12", ("torch",), "3.11"),
        ("debian-12", ("jax",), "3.12"),
        ("debian-13", ("torch", "tensorflow", "jax"), "3.13"),
    ],
)
def test_the_machines_own_python_where_it_fits(system: str, names: tuple[str, ...], python: str) -> None:
    assert answer("RTX 3090", system=system, frameworks=names).python == python


def test_an_older_python_takes_an_older_torch() -> None:
    stack = answer("RTX 2070 SUPER", python="3.10", frameworks=("torch",))
    assert (stack.python, torch(stack)) == ("3.10", ("2.14", "cu132"))


@pytest.mark.parametrize(
    ("card", "names", "constraint"),
    [
        ("GTX 1080 Ti", ("tensorflow",), "nvidia-cudnn-cu12==9.10.2.21"),
        ("Tesla V100", ("jax",), "nvidia-cudnn-cu12==9.10.2.21"),
        ("GTX 1080 Ti", ("torch", "tensorflow"), "nvidia-cudnn-cu12==9.10.2.21"),
        ("GTX 1080 Ti", ("torch",), ""),
        ("RTX 2070 SUPER", ("tensorflow",), ""),
        ("RTX 2070 SUPER", ("jax",), ""),
    ],
)
def test_the_cudnn_that_dropped_what_is_older_than_turing(card: str, names: tuple[str, ...], constraint: str) -> None:
    """§7.2."""
    stack = answer(card, frameworks=names)
    assert stack.cudnn is not None
    assert stack.cudnn.constraint == constraint
    assert stack.cudnn.version == ("" if card == "RTX 2070 SUPER" else "9.10.2.21")
    assert answer(card, frameworks=names, toolkits=()).cudnn == (
        replace(stack.cudnn, line="12", version="", packages=()) if constraint else None
    )


def test_debians_cudnn_is_an_installer_that_wants_a_licence_agreed_to() -> None:
    stack = answer("GTX 1080 Ti", system="debian-13")
    assert stack.cudnn is not None
    assert (stack.cudnn.version, stack.cudnn.packages) == ("", ("libnccl2", "libnccl-dev"))


def test_a_branch_that_became_another() -> None:
    stack = answer("RTX 5090", branch="570", frameworks=("torch",))
    assert (driver(stack), torch(stack)) == ((580, "open", "ubuntu"), ("2.15", "cu130"))
    assert stack.reasons[0] == "570 was asked for, and its packages turn into 580 by themselves"


def test_a_branch_asked_for_that_is_really_there() -> None:
    stack = answer("RTX 5090", branch="570", origin="nvidia", tables=with_driver(570, "570.211.01"), frameworks=("torch",))
    assert (driver(stack), torch(stack)) == ((570, "open", "nvidia"), ("2.11", "cu128"))
    assert any("driver branch 570 ended" in warning for warning in stack.warnings)


@pytest.mark.parametrize(
    ("system", "line", "gcc"),
    [("ubuntu-26.04", "12.8", 14), ("ubuntu-26.04", "12.6", 13), ("debian-13", "12.6", 13), (NOBLE, "12.8", 0)],
)
def test_a_compiler_that_nvcc_accepts(system: str, line: str, gcc: int) -> None:
    """§2.3; the toolkits that NVIDIA has for one release only are taken to be there for the other ones."""
    tables = knowledge()
    offer = next(row for row in tables.toolkit_offers if row.version == line and row.origin == "nvidia")
    tables = replace(tables, toolkit_offers=(*tables.toolkit_offers, replace(offer, system=system)))
    kit = answer("RTX 2070 SUPER", system=system, toolkits=(line,), tables=tables).toolkits[0]
    assert (kit.version, kit.gcc) == (line, gcc)
    assert kit.packages[1:] == ((f"gcc-{gcc}", f"g++-{gcc}") if gcc else ())


def test_toolkits_side_by_side() -> None:
    stack = answer("RTX 2070 SUPER", toolkits=("12.8", "13.2"))
    assert [kit.version for kit in stack.toolkits] == ["12.8", "13.2"]
    assert stack.cudnn is not None
    assert stack.cudnn.line == "12"
    assert answer("RTX 2070 SUPER", toolkits=()).toolkits == ()


def test_a_toolkit_newer_than_the_driver_where_it_is_asked_for() -> None:
    stack = answer("RTX 2070 SUPER", branch="580", toolkits=("13.2",))
    assert [kit.version for kit in stack.toolkits] == ["13.2"]
    assert any("CUDA 13.2 needs driver 595.58.03" in warning for warning in stack.warnings)


def test_no_gpu() -> None:
    stack = answer(frameworks=("torch", "tensorflow", "jax", "fastai"))
    assert (stack.driver, stack.toolkits, stack.cudnn, stack.gpus) == (None, (), None, ())
    assert {one.name: one.build for one in stack.frameworks} == {
        "torch": "cpu",
        "tensorflow": "cpu",
        "jax": "cpu",
        "fastai": "any",
    }
    assert [kit.version for kit in answer(toolkits=("12.8",)).toolkits] == ["12.8"]
    assert answer("1002:73bf").driver is None
    assert any("1002:73bf" in warning for warning in answer("1002:73bf").warnings)
    assert any("driver 580 was asked for" in warning for warning in answer(branch="580").warnings)


def test_an_unknown_card_beside_a_known_one() -> None:
    stack = answer("RTX 2070 SUPER", "10de:ffff")
    assert driver(stack) == (595, "open", "ubuntu")
    assert any("10de:ffff" in warning for warning in stack.warnings)
    assert [gpu.pci for gpu in stack.gpus] == ["10de:1e84"]


def test_arm64() -> None:
    """§7.1: aarch64 wheels are for 8.0, 9.0 and newer; Grace Hopper works with the open modules only (§1)."""
    stack = answer("10de:2342", architecture="arm64", system="debian-12", frameworks=("torch", "fastai"))
    assert driver(stack)[1] == "open"
    assert stack.driver is not None
    assert "linux-headers-arm64" in stack.driver.packages
    assert torch(stack) == ("2.15", "cu132")
    assert "the GH200 120GB / 480GB works with the open kernel module only" in stack.reasons
    assert refused("RTX 2070 SUPER", architecture="arm64", frameworks=("torch==2.14",)).because


def test_case_and_equal_cards() -> None:
    assert answer("10DE:1E84") == answer("10de:1e84")


def test_kernel_and_use_are_filled_in() -> None:
    hwe = answer("RTX 2070 SUPER", kernel="generic-hwe-24.04", desktop=False)
    assert hwe.driver is not None
    assert "linux-modules-nvidia-595-open-generic-hwe-24.04" in hwe.driver.packages
    assert not any(name.startswith("nvidia-driver") for name in hwe.driver.packages)


def test_a_patch_release_is_kept_with_its_extras() -> None:
    stack = answer("RTX 2070 SUPER", frameworks=("torch==2.14.1", "tensorflow==2.21.0"))
    assert [one.requirement for one in stack.frameworks] == ["torch==2.14.1", "tensorflow[and-cuda]==2.21.0"]


@pytest.mark.parametrize(
    ("card", "frameworks", "minimum"),
    [
        ("GB10", ("torch",), "580.94.13"),
        ("RTX 2070 SUPER", ("torch",), "580"),
        ("RTX 2070 SUPER", ("tensorflow",), "525.60.13"),
        ("GTX 1080 Ti", (), "390"),
        ("RTX 5090", (), "570.86.16"),
    ],
)
def test_the_oldest_driver_that_would_do(card: str, frameworks: tuple[str, ...], minimum: str) -> None:
    """§2.2 and §6.4."""
    stack = answer(card, frameworks=frameworks, toolkits=())
    assert stack.driver is not None
    assert stack.driver.minimum == minimum


@pytest.mark.parametrize(
    ("fields", "says", "hint"),
    [
        ({"system": "ubuntu-24.4"}, "unknown system `ubuntu-24.4`", "did you mean `ubuntu-24.04`?"),
        ({"branch": "581"}, "unknown driver branch `581`", "did you mean `580`?"),
        ({"branch": "R580"}, "unknown driver branch `R580`", "580"),
        ({"flavour": "opne"}, "unknown kernel module flavour `opne`", "did you mean `open`?"),
        ({"origin": "nvidea"}, "unknown driver origin `nvidea`", "did you mean `nvidia`?"),
        ({"toolkits": ("12.7",)}, "unknown CUDA toolkit `12.7`", "did you mean `12."),
        ({"toolkits": ("99",)}, "unknown CUDA toolkit `99`", "did you mean `13."),
        ({"frameworks": ("troch",)}, "unknown framework `troch`", "did you mean `torch`?"),
        ({"frameworks": ("torch==9.9",)}, "unknown torch release `9.9`", "did you mean `2."),
        ({"frameworks": ("torch>=2.6",)}, "`torch>=2.6` is not a framework", "torch==2.14"),
        ({"frameworks": ("torch==2.14", "torch")}, "`torch` was asked for twice", "once"),
        ({"python": "2.7"}, "unknown Python `2.7`", "did you mean `3."),
        ({"python": ""}, "unknown Python ``", "3.12"),
        ({"architecture": "riscv64"}, "unknown architecture `riscv64`", "amd64"),
    ],
)
def test_names_that_nobody_knows(fields: dict[str, Any], says: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        answer("RTX 2070 SUPER", **fields)
    assert says in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("pci", ["", "1e84", "10de-1e84", "10de:1e8", "10de:1e845", "10de:xyzw", "10de:1e84\n", "$(id)"])
def test_what_is_no_pci_id(pci: str) -> None:
    with pytest.raises(InputError, match="is not a PCI id"):
        answer(pci)
