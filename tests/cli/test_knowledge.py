"""`provision knowledge show` and `provision knowledge check`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provision.box.pip_settings import PipSettings
from provision.errors import Exit
from provision.knowledge.tables import knowledge
from tests.cli.conftest import Provision
from tests.unit.knowledge.recorded_apt import RecordedApt


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be a recorded Debian 12 whose only package index is this folder, which has what the tables have."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in dict.fromkeys(row.framework for row in knowledge().builds):
        newest = [row.version for row in knowledge().builds if row.framework == name][-1]
        (folder / f"{name}-{newest}.0-py3-none-any.whl").touch()
    for row in knowledge().cudnn:
        (folder / f"nvidia_cudnn_cu{row.major}-{row.newest}-py3-none-any.whl").touch()
    index = PipSettings(index_url=(tmp_path / "simple").as_uri(), find_links=(str(folder),))
    monkeypatch.setattr("provision.box.pip_settings.here", lambda: index)
    monkeypatch.setattr("provision.knowledge.apt_index.apt_cache", RecordedApt("debian-12"))
    monkeypatch.setattr("distro.id", lambda: "debian")
    monkeypatch.setattr("distro.version", lambda: "12")
    return folder


def test_show_by_id(provision: Provision) -> None:
    said = provision("knowledge", "show", "10DE:1E84")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("GeForce RTX 2070 SUPER · 10de:1e84 · Turing TU104 · compute capability 7.5\n")
    assert "torch 2.15" in said.out


def test_show_by_name(provision: Provision) -> None:
    assert provision("knowledge", "show", "rtx", "5090").out.startswith("GeForce RTX 5090 · 10de:2b85")
    assert provision("knowledge", "show", "GTX 1080 Ti").out.startswith("GeForce GTX 1080 Ti")


def test_show_as_json(provision: Provision) -> None:
    said = json.loads(provision("knowledge", "show", "10de:1e84", "--json").out)
    assert (said["type"], said["pci"], said["architecture"]) == ("gpu", "10de:1e84", "Turing")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["10de:ffff"], "no NVIDIA GPU with the id `10de:ffff` is in the tables"),
        (["1002:744c"], "no NVIDIA GPU with the id `1002:744c` is in the tables"),
        (["voodoo", "2"], "no card is called `voodoo 2`"),
        ([], "Missing argument 'GPU'"),
    ],
)
def test_show_what_is_not_there(provision: Provision, words: list[str], told: str) -> None:
    said = provision("knowledge", "show", *words)
    assert said.code == Exit.BAD_INPUT
    assert said.err.startswith(f"error: {told}\nhint: `")
    assert said.out == ""


def test_a_part_that_is_not_there(provision: Provision) -> None:
    assert provision("knowledge").code == Exit.BAD_INPUT
    said = provision("knowledge", "sho")
    assert said.code == Exit.BAD_INPUT
    assert "`provision knowledge --help`" in said.err


def test_check_with_nothing_stale(provision: Provision, wheels: Path) -> None:
    said = provision("knowledge", "check")
    assert said.code == 0
    assert "no row is stale" in said.out
    assert "drivers and toolkits from NVIDIA" in said.out


def test_check_with_a_stale_row(provision: Provision, wheels: Path) -> None:
    (wheels / "torch-9.0.1-py3-none-any.whl").touch()
    said = provision("knowledge", "check")
    assert said.code == Exit.CHANGES_PENDING
    assert "torch.toml  torch  2.15  9.0.1" in said.out
    said = provision("knowledge", "check", "--json")
    assert said.code == Exit.CHANGES_PENDING
    assert [row["index_says"] for row in json.loads(said.out)["stale"]] == ["9.0.1"]


@pytest.mark.parametrize("part", ["show", "check"])
def test_help_of_a_part(provision: Provision, part: str) -> None:
    said = provision("knowledge", part, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Usage: provision knowledge {part} [OPTIONS]")
