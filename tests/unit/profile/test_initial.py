"""The profile that `init` writes loads, whatever the machine is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.errors import InputError, ProvisionError
from provision.facts.model import Cpu, Facts, Gpu, Kernel, Person, System
from provision.profile.initial import initial_profile, write_initial
from provision.profile.read import load_profile, parse_profile


def person(name: str, uid: int, login_shell: str) -> Person:
    return Person(name=name, uid=uid, home=f"/home/{name}", shell=login_shell)


DESKTOP = Facts(
    hostname="prometheus",
    system=System(id="ubuntu", version="24.04", codename="noble", name="Ubuntu 24.04", architecture="amd64"),
    kernel=Kernel(running="6.8.0-49-generic"),
    cpu=Cpu(model="AMD Ryzen 7 3700X 8-Core Processor", cores=8, threads=16),
    memory=32 << 30,
    gpus=(Gpu(slot="0a:00.0", pci="10de:1e84", name="GeForce RTX 2070 SUPER"),),
    people=(
        person("root", 0, "/bin/bash"),
        person("gitea", 1001, "/usr/sbin/nologin"),
        person("me", 1000, "/bin/zsh"),
    ),
    login="me",
    timezone="Europe/Paris",
    locale="en_US.UTF-8",
)
texts = st.text(max_size=20) | st.sampled_from(
    ["localhost", "My_PC", '"\nroles = []', "'''", "../etc", "root", "Etc/UTC", "C.UTF-8", "\x1b[31m"]
)


def test_a_desktop() -> None:
    text = initial_profile(DESKTOP)
    profile = parse_profile(text)
    assert profile.machine.hostname == "prometheus"
    assert profile.machine.timezone == "Europe/Paris"
    assert profile.machine.locale == "en_US.UTF-8"
    assert profile.machine.user == "me"
    assert [environment.name for environment in profile.environment] == ["torch"]
    assert "\n\n[nvidia]" in text
    assert (profile.nvidia.branch, profile.cuda.toolkits) == ("auto", ("auto",))
    assert "# Made for: Ubuntu 24.04 · AMD Ryzen 7 3700X 8-Core Processor · 32 GiB · GeForce RTX 2070 SUPER" in text
    assert max(map(len, text.splitlines())) < 130


def test_root_calling_proposes_the_first_ordinary_user() -> None:
    assert parse_profile(initial_profile(dataclasses.replace(DESKTOP, login="root"))).machine.user == "me"


def test_a_container_without_anybody() -> None:
    bare = dataclasses.replace(DESKTOP, login="root", people=(), gpus=(), hostname="Box_1", timezone="", locale="")
    text = initial_profile(bare)
    profile = parse_profile(text)
    assert not any((profile.machine.hostname, profile.machine.timezone, profile.machine.locale, profile.machine.user))
    assert '# user = "me"' in text
    assert profile.environment[0].name == "lab"
    assert "no NVIDIA GPU" in text
    assert "[nvidia]" not in text


@settings(max_examples=150, deadline=None)
@given(st.tuples(*[texts] * 7))
def test_it_loads_on_any_machine(any_texts: tuple[str, ...]) -> None:
    host, zone, locale, login, system, cpu, gpu = any_texts
    facts = dataclasses.replace(
        DESKTOP,
        hostname=host,
        timezone=zone,
        locale=locale,
        login=login,
        system=dataclasses.replace(DESKTOP.system, name=system),
        cpu=dataclasses.replace(DESKTOP.cpu, model=cpu),
        gpus=(Gpu(slot="0a:00.0", pci="10de:1e84", name=gpu),),
    )
    profile = parse_profile(initial_profile(facts))
    assert profile.roles == ("auto",)
    assert profile.machine.user != "root"
    assert profile.machine.hostname in {host, ""}


def test_every_line_that_is_commented_out_is_right_when_it_is_not() -> None:
    bare = dataclasses.replace(DESKTOP, login="root", people=(), hostname="", timezone="", locale="")
    lines = initial_profile(bare).splitlines()
    live = [line[2:] if line.startswith("# ") and " = " in line else line for line in lines]
    profile = parse_profile("\n".join(live))
    assert profile.machine.user == "me"
    assert profile.machine.timezone == "Europe/Paris"
    assert profile.environment[0].path == "~/envs/torch"


def test_writing(tmp_path: Path) -> None:
    path = tmp_path / "workstation.toml"
    write_initial(path, initial_profile(DESKTOP))
    assert load_profile(path).profile.machine.user == "me"


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_nothing_is_overwritten(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "workstation.toml"
    if kind == "file":
        path.write_text("mine")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("elsewhere")
    with pytest.raises(InputError, match="never overwritten"):
        write_initial(path, "text")
    assert not (tmp_path / "elsewhere").exists()
    assert kind != "file" or path.read_text() == "mine"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="no such file"):
        write_initial(tmp_path / "none/workstation.toml", "text")


def test_half_a_file_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("provision.profile.initial.os.fsync", fail)
    with pytest.raises(ProvisionError, match="no space left"):
        write_initial(tmp_path / "workstation.toml", "text")
    assert not list(tmp_path.iterdir())
