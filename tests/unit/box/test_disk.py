"""A box's disk: what is written into a layer looks as if it had been in the root."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.box import disk
from provision.box.disk import Disk, identity, make
from provision.box.inherit import Text


@pytest.fixture
def base(tmp_path: Path) -> Path:
    base = tmp_path / "base"
    (base / "etc/ssh").mkdir(parents=True)
    (base / "root").mkdir(mode=0o700)
    (base / "etc/hosts").write_text("old\n")
    return base


@pytest.fixture(params=[True, False], ids=["layer", "copy"])
def made(request: pytest.FixtureRequest, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setattr(disk, "_overlay_works", lambda _: request.param)
    return make(base, tmp_path / "boxes" / "box-1")


def top(made: Disk) -> Path:
    return made.folder / ("upper" if made.overlay else "copy")


def test_folders_keep_the_mode_they_have_in_the_root(made: Disk) -> None:
    made.write(Text(path="/root/.ssh/authorized_keys", text="key\n", mode=0o600))
    made.write(Text(path="/new/folder/file", text="x"))
    modes = {
        path: (top(made) / path).stat().st_mode & 0o777 for path in ("root", "root/.ssh", "root/.ssh/authorized_keys", "new")
    }
    assert modes == {"root": 0o700, "root/.ssh": 0o700, "root/.ssh/authorized_keys": 0o600, "new": 0o755}


def test_the_root_itself_is_never_written(made: Disk, base: Path) -> None:
    made.write(Text(path="/etc/hosts", text="new\n"))
    assert (top(made) / "etc/hosts").read_text() == "new\n"
    assert (base / "etc/hosts").read_text() == "old\n"


def test_a_link_in_the_way_is_replaced_not_followed(made: Disk, tmp_path: Path) -> None:
    made.write(Text(path="/etc/other", text="x"))
    (top(made) / "etc/resolv.conf").symlink_to(tmp_path / "victim")
    made.write(Text(path="/etc/resolv.conf", text="nameserver 10.0.2.3\n"))
    assert not (tmp_path / "victim").exists()
    assert (top(made) / "etc/resolv.conf").read_text().startswith("nameserver")


def test_mount_options_name_the_layers(made: Disk, base: Path) -> None:
    if made.overlay:
        assert made.options == f"lowerdir={base},upperdir={made.folder}/upper,workdir={made.folder}/work"
    else:
        assert made.options == ""
    assert made.at.is_dir()


def test_odd_characters_in_a_path_are_escaped() -> None:
    odd = Disk(root=Path("/a,b:c\\d"), folder=Path("/x"), overlay=True)
    assert odd.options.startswith(r"lowerdir=/a\,b\:c\\d,")


def test_identities_differ() -> None:
    assert len(identity()) == 33
    assert identity() != identity()
