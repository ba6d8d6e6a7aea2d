"""`provision explain`: what it prints, for people and for programs, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from provision.errors import Exit
from tests.cli.conftest import Provision
from tests.fake_agent import FakeMachine
from tests.roles.machines import FOLDER, machine

Here = Callable[..., None]
TODAY = "2026-11-22"
NOBLE = ("--os", "ubuntu-24.04")


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime as dt  # noqa: PLC0415 - beside its only use

    monkeypatch.setattr("provision.cli.explain._today", lambda: dt.date.fromisoformat(TODAY))


def asked(provision: Provision, *words: object) -> dict[str, Any]:
    said = provision("explain", *words, "--json")
    assert said.err == ""
    assert said.out.count("\n") == 1
    data: dict[str, Any] = json.loads(said.out)
    assert data["schema"] == 1
    return data


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("--gpu", "10de:1e84", *NOBLE, "--secure-boot"), id="the machine this began with"),
        pytest.param(
            ("--gpu", "GTX 1080 Ti", "--os", "debian-13", "--secure-boot", "-f", "torch", "-f", "tensorflow"),
            id="pascal on debian",
        ),
        pytest.param(("--gpu", "Tesla K80", "--os", "ubuntu-22.04", "--cuda", "11.8", "--headless"), id="kepler"),
        pytest.param(
            ("--gpu", "10de:2b85", "--gpu", "10de:2b85", *NOBLE, "--driver", "570", "--no-secure-boot"), id="two of the newest"
        ),
        pytest.param(("--gpu", "none", "--os", "debian-12", "-f", "torch", "-f", "fastai"), id="no gpu"),
        pytest.param(
            ("--gpu", "10de:1e84", "--gpu", "10de:ffff", *NOBLE, "--origin", "nvidia", "--cuda", "12.8", "--cuda", "13.2"),
            id="two toolkits",
        ),
        pytest.param(("--gpu", "GTX 680", "--os", "ubuntu-22.04", "--no-secure-boot"), id="too old for torch"),
    ],
)
def test_what_is_printed(provision: Provision, words: tuple[str, ...], snapshot: SnapshotAssertion) -> None:
    said = provision("explain", *words)
    assert (said.code, said.err) == (0, "")
    assert all(len(line) <= 100 for line in said.out.splitlines())
    assert said.out == snapshot


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("--gpu", "10de:1b06", "--gpu", "10de:2b85", *NOBLE), id="mixed"),
        pytest.param(("--gpu", "10de:ffff", *NOBLE), id="unknown"),
        pytest.param(("--gpu", "10de:1b06", *NOBLE, "--cuda", "13.2"), id="toolkit"),
    ],
)
def test_where_nothing_fits(provision: Provision, words: tuple[str, ...], snapshot: SnapshotAssertion) -> None:
    said = provision("explain", *words)
    assert (said.code, said.out) == (Exit.FAILED, "")
    assert said.err == snapshot
    data = asked(provision, *words)
    assert provision("explain", *words, "--json").code == Exit.FAILED
    assert set(data) == {"schema", "error", "because", "nearest"}
    assert data["error"] == "no-solution"
    assert all(text in " ".join(said.err.replace("│", " ").split()) for text in (*data["because"], data["nearest"]))


def test_the_shape_of_its_json(provision: Provision) -> None:
    data = asked(provision, "--gpu", "10de:1e84", *NOBLE, "--secure-boot", "--framework", "torch")
    assert data["gpus"] == [
        {
            "pci": "10de:1e84",
            "name": "GeForce RTX 2070 SUPER",
            "chip": "TU104",
            "architecture": "Turing",
            "compute_capability": "7.5",
        }
    ]
    driver = {"branch": 595, "minimum": "580", "flavour": "open", "origin": "ubuntu"}
    assert driver.items() <= data["driver"].items()
    assert data["driver"]["packages"] == ["nvidia-driver-595-open", "linux-modules-nvidia-595-open-generic"]
    assert {"toolkit": "13.2", "packages": ["cuda-toolkit-13-2"]}.items() <= data["cuda"].items()
    assert data["cudnn"]["packages"] == ["cudnn9-cuda-13", "libnccl2", "libnccl-dev"]
    assert data["python"] == "3.12"
    assert data["frameworks"] == {"torch": {"version": "2.15", "build": "cu132", "index": "", "requirement": "torch==2.15.*"}}
    assert all(isinstance(text, str) for key in ("reasons", "warnings") for text in data[key])
    assert all(set(one) == {"choice", "because"} for one in data["rejected"])
    nothing = asked(provision, "--gpu", "none", *NOBLE, "--framework", "none")
    assert (nothing["gpus"], nothing["driver"], nothing["cuda"], nothing["cudnn"], nothing["frameworks"]) == (
        [],
        None,
        None,
        None,
        {},
    )


@pytest.mark.parametrize(
    ("words", "says", "hint"),
    [
        (("--gpu", "10de:1e84", "--os", "ubuntu-24.4"), "unknown system `ubuntu-24.4`", "`ubuntu-24.04`"),
        (("--gpu", "10de:1e8", *NOBLE), "no card is called", "10de:1e84"),
        (("--gpu", "RTX", *NOBLE), "may be several cards", "say which"),
        (("--gpu", "10de:1e84", *NOBLE, "--driver", "581"), "unknown driver branch `581`", "`580`"),
        (("--gpu", "10de:1e84", *NOBLE, "--flavour", "openn"), "unknown kernel module flavour", "`open`"),
        (("--gpu", "10de:1e84", *NOBLE, "--cuda", "13"), "unknown CUDA toolkit `13`", "13."),
        (("--gpu", "10de:1e84", *NOBLE, "--framework", "pytorch"), "unknown framework `pytorch`", "`torch`"),
        (("--gpu", "10de:1e84", *NOBLE, "--python", "three"), "unknown Python `three`", "3.12"),
        (("--gpu", "10de:1e84", *NOBLE, "--os"), "'--os'", "--help"),
        (("--facts", "none.json"), "none.json", ""),
        (("--gpu", "10de:1e84", "--profile", "none.toml"), "none.toml", ""),
    ],
)
def test_bad_input(provision: Provision, words: tuple[str, ...], says: str, hint: str) -> None:
    said = provision("explain", *words)
    assert (said.code, said.out) == (Exit.BAD_INPUT, "")
    text = " ".join(said.err.split())
    assert says in text
    assert hint in text


def test_bad_input_for_programs(provision: Provision) -> None:
    said = provision("explain", "--gpu", "10de:1e84", "--os", "nixos-26.11", "--json")
    assert said.code == Exit.BAD_INPUT
    assert json.loads(said.out)["error"]["message"] == "unknown system `nixos-26.11`"


def test_a_machine_elsewhere(provision: Provision) -> None:
    recorded = FOLDER / "ubuntu-24.04-rtx-2070-super.json"
    data = asked(provision, "--facts", recorded)
    assert (data["driver"]["branch"], data["frameworks"]["torch"]["build"]) == (595, "cu132")
    newer = asked(provision, "--facts", recorded, "--os", "ubuntu-26.04")
    assert newer["python"] == "3.14"
    older = asked(provision, "--facts", recorded, "--gpu", "GTX 1080 Ti")
    assert older["driver"]["branch"] == 580


def test_this_machine_and_its_profile(provision: Provision, here: Here) -> None:
    here(FakeMachine("lab", replace(machine("ubuntu-24.04-rtx-2070-super"), hostname="lab")))
    assert asked(provision)["driver"]["branch"] == 595
    Path("workstation.toml").write_text(
        '[nvidia]\nbranch = "580"\n[cuda]\ntoolkits = ["12.8"]\n'
        '[[environment]]\nname = "deep"\npython = "3.13"\npackages = ["tensorflow", "torch"]\n'
    )
    data = asked(provision)
    assert (data["driver"]["branch"], data["cuda"]["toolkit"], data["python"]) == (580, "12.8", "3.13")
    assert list(data["frameworks"]) == ["tensorflow", "torch"]
    overruled = asked(provision, "--driver", "595", "--cuda", "none", "--framework", "none")
    assert (overruled["driver"]["branch"], overruled["cuda"], overruled["frameworks"]) == (595, None, {})


def test_nobody_is_asked_about_a_machine_that_is_only_imagined(provision: Provision, monkeypatch: pytest.MonkeyPatch) -> None:
    def untouched() -> None:
        raise AssertionError

    monkeypatch.setattr("provision.cli.explain._facts_here", untouched)
    assert asked(provision, "--gpu", "RTX 5090", "--os", "debian-12")["driver"]["origin"] == "nvidia"


def test_torch_is_shown_unasked_only_where_it_fits(provision: Provision) -> None:
    assert list(asked(provision, "--gpu", "RTX 5090", *NOBLE)["frameworks"]) == ["torch"]
    old = asked(provision, "--gpu", "GTX 680", *NOBLE)
    assert old["frameworks"] == {}
    assert old["rejected"][-1]["choice"] == "torch"
    assert provision("explain", "--gpu", "GTX 680", *NOBLE, "--framework", "torch").code == Exit.FAILED
