"""What each role yields, and what it refuses."""

from __future__ import annotations

import dataclasses
import json
from typing import TypeVar

import pytest

from provision.errors import InputError
from provision.facts.model import PipSettings
from provision.profile.model import Profile
from provision.resources import (
    AuthorizedKeys,
    Directory,
    File,
    GeneratedSecret,
    Packages,
    Resource,
    Service,
    Unit,
    Uv,
    UvEnvironment,
)
from tests.roles.machines import FIT, FULL, KEY, compiled, machine, selected

R = TypeVar("R", bound=Resource)
DEBIAN, UBUNTU = "debian-13-nspawn-no-gpu", "ubuntu-24.04-rtx-2070-super"


def of(kind: type[R], profile: Profile, *asked: str, name: str = DEBIAN) -> list[R]:
    found = [entry.resource for entry in compiled(profile, machine(name), *asked).entries]
    return [each for each in found if isinstance(each, kind)]


def profile(**sections: object) -> Profile:
    return Profile.model_validate(sections)


# base


def test_what_the_profile_asks_for_comes_besides_the_essential() -> None:
    packages = of(Packages, FULL, "base")
    assert {"ca-certificates", "tmux", "unattended-upgrades"} <= set(packages[0].names)
    assert packages[1:] == [Packages(names=("build-essential",))]


def test_without_unattended_upgrades_they_are_off_and_not_installed() -> None:
    wanted = profile(base={"unattended_upgrades": False})
    assert "unattended-upgrades" not in of(Packages, wanted, "base")[0].names
    text = of(File, wanted, "base")[0].content
    assert 'Unattended-Upgrade "0"' in str(text)
    assert not of(Service, wanted, "base")


def test_unattended_upgrades_never_reboot() -> None:
    assert 'Unattended-Upgrade::Automatic-Reboot "false";' in str(of(File, Profile(), "base")[0].content)


# environments


def test_each_environment_has_a_kernel_that_sets_its_environment() -> None:
    files = {each.path: each for each in of(File, FULL, "environments")}
    spec = files["/home/me/.local/share/jupyter/kernels/torch/kernel.json"]
    text = json.loads(str(spec.content))
    assert text["argv"][:3] == ["/home/me/envs/torch/bin/python", "-m", "ipykernel_launcher"]
    assert text["env"] == {"PATH": "/home/me/envs/torch/bin:${PATH}", "VIRTUAL_ENV": "/home/me/envs/torch"}
    assert spec.owner == "me"
    directories = [each for each in of(Directory, FULL, "environments") if each.path.endswith("/torch")]
    assert directories[0].owner == "me"


def test_environments_have_what_was_asked_for_and_a_kernel() -> None:
    torch, old = of(UvEnvironment, FULL, "environments")
    assert torch.requirements == ("numpy", "pandas>=3", "ipykernel")
    assert (torch.python, old.python) == ("", "3.12")
    assert (torch.path, old.path) == ("/home/me/envs/torch", "/home/me/old/env")
    assert torch.owner == old.owner == "me"
    assert torch.program == of(Uv, FULL, "environments")[0].program


def test_uv_fetches_from_where_pip_does() -> None:
    pip = PipSettings(
        index_url="https://mirror.test/simple",
        extra_index_urls=("https://a.test/simple", "https://b.test/simple"),
        find_links=("/srv/wheels", "/srv/more"),
        certificates="/etc/lab.pem",
    )
    facts = dataclasses.replace(machine(DEBIAN), pip=pip)
    found = {entry.resource.kind: entry.resource for entry in compiled(FULL, facts, "environments").entries}
    environment, uv = found["uv_environment"], found["uv"]
    assert isinstance(environment, UvEnvironment)
    assert isinstance(uv, Uv)
    assert dict(environment.settings) == {
        "SSL_CERT_FILE": "/etc/lab.pem",
        "UV_DEFAULT_INDEX": "https://mirror.test/simple",
        "UV_INDEX": "https://a.test/simple https://b.test/simple",
        "UV_FIND_LINKS": "/srv/wheels,/srv/more",
    }
    assert dict(uv.settings)["PIP_INDEX_URL"] == "https://mirror.test/simple"


def test_a_machine_without_pip_settings_trusts_what_the_machine_trusts() -> None:
    environment = of(UvEnvironment, FULL, "environments")[0]
    assert environment.settings == (("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"),)
    assert of(Uv, FULL, "environments")[0].settings == ()


def test_an_environment_called_as_jupyters_own() -> None:
    with pytest.raises(InputError, match=r"`uv_environment:jupyter` is claimed by roles `environments` and `jupyter`"):
        compiled(profile(environment=({"name": "jupyter"},)), machine(DEBIAN))


def test_without_environments_the_role_says_why_it_is_left_out() -> None:
    assert dict(selected(Profile(), machine(DEBIAN)).skipped)["environments"] == "the profile has no `[[environment]]`"
    assert not of(UvEnvironment, Profile(), "environments")


# jupyter


def test_the_service_runs_as_the_user_and_is_roots() -> None:
    unit = of(Unit, Profile(), "jupyter")[0]
    lines = unit.content.splitlines()
    assert unit.name == "jupyter@.service"
    for line in ("User=%i", "NoNewPrivileges=yes", "OOMPolicy=continue", "Restart=on-failure"):
        assert line in lines
    assert "LoadCredential=token:/etc/provision/jupyter/%i.token" in lines
    assert not [line for line in lines if line.startswith(("MemoryDenyWriteExecute", "PrivateDevices", "ProtectClock"))]
    environment = of(UvEnvironment, Profile(), "jupyter")[0]
    assert (environment.owner, environment.path) == ("root", "/opt/provision/envs/jupyter")
    assert "jupyter_server>=2.20" in environment.requirements
    assert all(line in unit.content for line in (f"ExecStart={environment.path}/bin/jupyter-lab", "/etc/provision/jupyter/%i.py"))


def test_the_service_restarts_after_whatever_it_was_started_with_changes() -> None:
    service = next(each for each in of(Service, Profile(), "jupyter") if each.unit == "jupyter@me.service")
    assert service.restart_after == (
        "/etc/systemd/system/jupyter@.service",
        "/etc/provision/jupyter/me.py",
        "/etc/provision/jupyter/me.token",
        "/opt/provision/envs/jupyter/provision.json",
    )


def test_the_configuration_binds_loopback_on_the_port_asked_for() -> None:
    text = str(next(each for each in of(File, FULL, "jupyter") if each.path.endswith("/me.py")).content)
    compile(text, "me.py", "exec")
    assert 'c.ServerApp.ip = "127.0.0.1"' in text
    assert text.endswith("c.ServerApp.port = 8899\nc.MultiKernelManager.default_kernel_name = 'torch'\n")


def test_the_token_is_born_on_the_machine_and_read_by_root_alone() -> None:
    token = of(GeneratedSecret, Profile(), "jupyter")[0]
    assert (token.path, token.mode, token.owner) == ("/etc/provision/jupyter/me.token", 0o600, "root")


def test_a_cell_is_run_in_each_environments_kernel() -> None:
    names = [item.check.name for item in compiled(FULL, machine(DEBIAN), "jupyter", "environments").checks]
    assert {"cell runs in torch", "cell runs in old", "kernel torch", "old computes"} <= set(names)
    names = [item.check.name for item in compiled(Profile(), machine(DEBIAN), "jupyter").checks]
    assert "cell runs in python3" in names


def test_nobody_to_run_it_for() -> None:
    facts = machine(DEBIAN)
    alone = dataclasses.replace(facts, people=facts.people[:1], login="root")
    assert "ordinary user" in dict(selected(Profile(), alone).skipped)["jupyter"]
    with pytest.raises(InputError, match="whose environments and Jupyter are these"):
        compiled(Profile(), alone, "jupyter")
    with pytest.raises(InputError, match="there is no user `you`"):
        compiled(profile(machine={"user": "you"}), alone)


def test_root_is_refused() -> None:
    with pytest.raises(InputError, match="not for root"):
        compiled(profile(machine={"user": "root"}), machine(DEBIAN), "jupyter")


def test_without_systemd_there_is_no_service() -> None:
    facts = dataclasses.replace(machine(DEBIAN), systemd=False)
    assert dict(selected(Profile(), facts).skipped)["jupyter"] == "systemd does not run this machine"
    assert not [e for e in compiled(Profile(), facts).entries if isinstance(e.resource, Service)]


# ssh


@pytest.mark.parametrize("name", FIT)
def test_what_listens_is_a_socket_since_ubuntu_22_10(name: str) -> None:
    units = {each.unit for each in of(Service, Profile(), "ssh", name=name)} & {"ssh.service", "ssh.socket"}
    assert units == {"ssh.socket" if name.startswith(("ubuntu-24", "ubuntu-26")) else "ssh.service"}
    assert all(not each.masked and each.enabled for each in of(Service, Profile(), "ssh", name=name))


def test_keys_are_for_the_machines_user_and_others_stay() -> None:
    assert of(AuthorizedKeys, FULL, "ssh") == [AuthorizedKeys(user="me", keys=(KEY,))]
    named = FULL.model_copy(update={"machine": FULL.machine.model_copy(update={"user": "root"})})
    assert of(AuthorizedKeys, named, "ssh")[0].user == "root"
    assert not of(AuthorizedKeys, Profile(), "ssh")


@pytest.mark.parametrize("name", FIT)
def test_every_check_says_what_it_proves_and_what_to_do(name: str) -> None:
    for item in compiled(FULL, machine(name)).checks:
        check = item.check
        assert check.proves
        assert check.hint
        assert check.probe.argv[0].startswith("/")
        assert not check.name.endswith(".")
        if check.probe.stdin:
            compile(check.probe.stdin, check.name, "exec")
