"""What is read out of `apt-cache`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provision.knowledge.apt_index import AptIndex, apt_cache, sources
from tests.unit.knowledge.recorded_apt import RecordedApt


def test_versions_of_one_origin_only() -> None:
    index = AptIndex("noble", RecordedApt("ubuntu-24.04"))
    assert index.versions(["gcc", "nvidia-driver-595-open", "nothing"], "ubuntu") == {
        "gcc": ["13.2.0"],
        "nvidia-driver-595-open": ["595.84"],
    }
    assert index.versions(["nvidia-open"], "nvidia") == {"nvidia-open": ["590.48.01", "595.91.07", "610.57.04", "615.71.09"]}
    assert index.versions(["nvidia-open"], "ubuntu") == {}
    assert index.versions([], "ubuntu") == {}


def test_upstream_versions_lose_epoch_and_revision() -> None:
    index = AptIndex("bookworm", RecordedApt("debian-12"))
    assert index.versions(["gcc", "nvidia-driver", "nvidia-cuda-toolkit", "nvidia-cudnn"], "debian") == {
        "gcc": ["12.2.0"],
        "nvidia-driver": ["535.261.03"],
        "nvidia-cuda-toolkit": ["11.8.89"],
        "nvidia-cudnn": ["8.5.0.96"],
    }


def test_components_by_origin() -> None:
    index = AptIndex("noble", RecordedApt("ubuntu-24.04"))
    assert index.components("ubuntu") == {"main", "restricted", "multiverse"}
    assert index.components("nvidia") == {""}
    assert index.components("debian") == set()


def test_names_with_a_number() -> None:
    index = AptIndex("noble", RecordedApt("ubuntu-24.04"))
    assert index.numbered("cuda-toolkit-", r"(\d+-\d+)")["cuda-toolkit-13-4"] == "13-4"
    assert set(index.numbered("nvidia-driver-", r"(\d{3})(?:-open)?").values()) == {
        *("470", "535", "550", "570", "580", "590", "595", "610", "615")
    }


def test_another_release_and_backports_are_not_the_usual_sources() -> None:
    policy = RecordedApt("debian-12").policy
    assert any(source.usual for source in sources(policy, "bookworm").values())
    assert not any(source.usual for source in sources(policy, "trixie").values() if source.origin)
    backports = policy.replace("n=bookworm,", "n=bookworm-backports,")
    assert not any(source.usual for source in sources(backports, "bookworm").values() if source.origin)


def program(folder: Path, text: str) -> None:
    path = folder / "apt-cache"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_the_program_is_asked_in_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    program(tmp_path, 'echo "$LC_ALL $*"')
    assert apt_cache("madison", "gcc") == "C.UTF-8 madison gcc\n"


def test_a_program_that_fails_or_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError):
        apt_cache("policy")
    program(tmp_path, "echo 'E: the list of sources could not be read.' >&2; exit 1")
    with pytest.raises(OSError, match="the list of sources could not be read"):
        apt_cache("policy")
