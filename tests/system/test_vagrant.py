"""The Vagrantfile, in the real Vagrant with a pretended provider and a pretended `provision`: no machine is started.

Needs the `vagrant` package, which `./bootstrap test` installs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

VAGRANTFILE = Path(__file__).parents[2] / "Vagrantfile"
PRETEND = """
class Pretend < Vagrant.plugin("2")
  name "pretend"

  class Provider < Vagrant.plugin("2", :provider)
    def initialize(machine) = @machine = machine
    def self.usable?(*) = true
    def ssh_info = { host: "127.0.0.1", port: 2222, username: "vagrant", private_key_path: ["/keys/a key"] }
    def state = Vagrant::MachineState.new(:running, "running", "It is only pretended.")

    def action(name)
      Vagrant::Action::Builder.new.use(->(env) { env[:machine].id = "pretended-1" if name == :up })
    end
  end

  provider(:pretend, box_optional: true) { Provider }
end
"""
SSH_CONFIG = """Host debian-12
  HostName 127.0.0.1
  Port 2222
  User vagrant
  IdentityFile "/keys/a key"
  IdentitiesOnly yes
  UserKnownHostsFile "{folder}/provision-known_hosts-pretended-1"
  StrictHostKeyChecking yes
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("vagrant"), reason="vagrant is absent: `apt-get install vagrant`"),
]


def vagrant(folder: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "VAGRANT_HOME": str(folder / "home"),
        "VAGRANT_CHECKPOINT_DISABLE": "1",
        **environment,
    }
    return subprocess.run(["vagrant", *argv], cwd=folder, env=env, check=False, capture_output=True, text=True, timeout=120)


class Project:
    """A folder with our Vagrantfile, a provider that starts nothing, and a `provision` that writes down its arguments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        (folder / "Vagrantfile").write_text(f"{PRETEND}\nload {str(VAGRANTFILE)!r}\n")
        self.program('echo "$@" >> "$CALLS"')

    def program(self, *lines: str) -> None:
        path = self.folder / "provision"
        path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
        path.chmod(0o755)

    def vagrant(self, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
        pretended = {"VAGRANT_DEFAULT_PROVIDER": "pretend", "PROVISION": str(self.folder / "provision")}
        return vagrant(self.folder, *argv, **{**pretended, "CALLS": str(self.calls), **environment})

    def called(self) -> list[str]:
        text = self.calls.read_text() if self.calls.exists() else ""
        self.calls.unlink(missing_ok=True)
        return text.splitlines()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_it_is_valid(tmp_path: Path) -> None:
    (tmp_path / "Vagrantfile").write_text(VAGRANTFILE.read_text())
    done = vagrant(tmp_path, "validate", "--ignore-provider")
    assert done.returncode == 0, done.stdout + done.stderr


def test_up_and_provision_each_apply_once_over_ssh(project: Project) -> None:
    done = project.vagrant("up", "debian-12")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = project.folder / ".vagrant/machines/debian-12/pretend"
    config = folder / "provision-ssh_config"
    expected = [
        f"trust debian-12 --ssh-config {config} --yes",
        f"apply --host debian-12 --ssh-config {config} --yes",
    ]
    assert project.called() == expected
    assert config.read_text() == SSH_CONFIG.format(folder=folder)

    done = project.vagrant("provision", "debian-12", PROVISION_PROFILE="my profile.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.called() == [expected[0], f"{expected[1]} --profile my profile.toml"]


def test_a_failed_apply_fails_vagrant_with_its_exit_code(project: Project) -> None:
    project.program('[ "$1" = trust ] || exit 5')
    done = project.vagrant("up", "debian-12")
    assert done.returncode != 0
    assert "ended with exit code 5" in done.stderr


def test_a_program_that_is_not_there_is_named(project: Project) -> None:
    done = project.vagrant("up", "debian-12", PROVISION="/nowhere/provision")
    assert done.returncode != 0
    assert "`/nowhere/provision trust debian-12" in done.stderr
    assert "could not be run" in done.stderr


def test_both_machines_and_their_boxes(project: Project) -> None:
    done = project.vagrant("status", "--machine-readable")
    assert {line.split(",")[1] for line in done.stdout.splitlines()} >= {"debian-12", "ubuntu-24.04"}
