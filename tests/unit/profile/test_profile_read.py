"""Which profile is read, and what it becomes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provision.errors import InputError
from provision.profile.model import Profile
from provision.profile.read import load_profile, parse_profile

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAkAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
FULL = f"""
schema = 1
roles = ["base", "ssh"]
[machine]
hostname = "prometheus.lab"
timezone = "America/Argentina/Buenos_Aires"
locale = "de_DE.UTF-8"
user = "me"
[base]
packages = ["g++", "libc6:i386", "python3.11"]
unattended_upgrades = false
[[environment]]
name = "torch-2.9"
python = "3.12"
packages = [
  "torch>=2.6",
  "jupyter_ai[all]~=2.0",
  "pandas == 2.*, != 2.1",
  "uvloop; sys_platform == 'linux' and (python_version < '3.14' or extra != 'x')",
]
path = "/srv/envs/torch"
[[environment]]
name = "b"
path = "~/.envs/b+c@d"
[jupyter]
user = "me"
port = 65535
packages = ["jupyterlab-git"]
[ssh]
authorized_keys = ["{KEY}  me@laptop "]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("SUDO_UID", raising=False)
    return tmp_path


def write(path: Path, port: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"[jupyter]\nport = {port}\n")
    return path


def test_an_empty_profile_is_the_default() -> None:
    assert parse_profile("") == Profile()
    assert parse_profile("").roles == ("auto",)


def test_a_full_profile() -> None:
    profile = parse_profile(FULL)
    assert profile.roles == ("base", "ssh")
    assert profile.machine.timezone == "America/Argentina/Buenos_Aires"
    assert profile.environment[0].packages[1] == "jupyter_ai[all]~=2.0"
    assert profile.jupyter.port == 65535
    assert not profile.base.unattended_upgrades
    assert profile.ssh.authorized_keys == (f"{KEY} me@laptop",)


def test_with_no_file_the_defaults_are_taken() -> None:
    loaded = load_profile(None)
    assert loaded.path is None
    assert loaded.profile == Profile()
    assert loaded.where("roles", 0) == "the default profile"


def test_the_order_of_the_search(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "home/.config/provision/workstation.toml", 2000)
    assert load_profile(None).profile.jupyter.port == 2000
    write(folder / "xdg/provision/workstation.toml", 3000)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "xdg"))
    assert load_profile(None).profile.jupyter.port == 3000
    monkeypatch.setenv("XDG_CONFIG_HOME", "xdg")
    assert load_profile(None).profile.jupyter.port == 2000
    write(folder / "here/workstation.toml", 4000)
    assert load_profile(None).profile.jupyter.port == 4000
    assert load_profile(write(folder / "named.toml", 5000)).profile.jupyter.port == 5000


def test_a_named_file_that_is_missing_is_never_replaced_by_another(folder: Path) -> None:
    write(folder / "here/workstation.toml", 4000)
    with pytest.raises(InputError, match="no such file"):
        load_profile(folder / "missing.toml")


def test_one_that_is_there_and_unusable_is_not_passed_over(folder: Path) -> None:
    write(folder / "home/.config/provision/workstation.toml", 2000)
    (folder / "here/workstation.toml").mkdir()
    with pytest.raises(InputError, match="is a directory"):
        load_profile(None)


def test_no_home_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", no_home)
    assert load_profile(None).path is None


def test_a_strangers_profile_is_not_used_unasked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(folder / "here/workstation.toml", 4000)
    stranger = path.stat().st_uid + 4242
    if os.geteuid() == 0:
        os.chown(path, stranger, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: stranger)
    with pytest.raises(InputError, match="others than you") as caught:
        load_profile(None)
    assert "--profile ./workstation.toml" in caught.value.hint
    monkeypatch.setenv("SUDO_UID", str(path.stat().st_uid))
    assert load_profile(None).profile.jupyter.port == 4000
    path.chmod(0o666)
    with pytest.raises(InputError, match="others than you"):
        load_profile(None)
    assert load_profile(path).profile.jupyter.port == 4000


def test_where(folder: Path) -> None:
    path = folder / "p.toml"
    path.write_text("schema = 1\nroles = [\n  'ssh',\n  'base',\n]\n")
    loaded = load_profile(path)
    assert loaded.where("roles", 1) == f"{path}:4"
    assert loaded.where("roles") == f"{path}:2"
    assert loaded.where("jupyter", "port") == str(path)


def test_a_control_character_in_the_files_name_is_not_printed(folder: Path) -> None:
    path = folder / "a\x1b[31m\nb.toml"
    path.write_text("x = 1\n")
    with pytest.raises(InputError) as caught:
        load_profile(path)
    assert caught.value.message.replace("\n", "").isprintable()
    assert "\n" not in caught.value.message
