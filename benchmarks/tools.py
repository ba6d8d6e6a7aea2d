"""The tools that are compared, each in its best documented configuration, and how each is asked for a workload."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.workload import PACKAGES, SERVICE, Workload

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "provision" / "benchmarks"


@dataclass(frozen=True, kw_only=True)
class Link:
    """How a tool reaches the box: the port of its own proxy, and the keys."""

    host: str
    port: int
    user: str
    key: Path
    known_hosts: Path
    ssh_config: Path


@dataclass(frozen=True, kw_only=True)
class Command:
    """A tool's command line for one workload over one link; `changed` reads from its output how much it says it changed."""

    argv: list[str]
    folder: Path
    changed: Callable[[str], int | None]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool by name; `requirements` go into a venv of its own."""

    name: str
    prepare: Callable[[Workload, Link, Path], Command]
    requirements: tuple[str, ...] = ()
    applies: bool = True
    """Whether it changes anything: `ssh host true` does not."""

    def install(self) -> None:
        """Make the tool's venv once."""
        if self.requirements:
            python(self.name, self.requirements)


def python(name: str, requirements: tuple[str, ...]) -> Path:
    """Return the Python of a venv that holds `requirements`, made when it is missing."""
    venv = CACHE / name
    found, mark = venv / "bin" / "python", venv / "requirements"
    if mark.is_file() and mark.read_text().split() == list(requirements):
        return found
    shutil.rmtree(venv, ignore_errors=True)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if uv:
        subprocess.run([uv, "--quiet", "venv", "--python", sys.executable, venv], check=True)
        subprocess.run([uv, "--quiet", "pip", "install", "--compile-bytecode", "--python", found, *requirements], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([found, "-m", "pip", "install", "--quiet", *requirements], check=True)
    mark.write_text("\n".join(requirements))
    return found


def versions(tool: Tool) -> str:
    """Return `NAME VERSION` of what the tool's requirements became."""
    names = [re.split(r"[<>=~]", each)[0] for each in tool.requirements]
    code = "import sys; from importlib.metadata import version; print(', '.join(f'{n} {version(n)}' for n in sys.argv[1:]))"
    return subprocess.run(
        [CACHE / tool.name / "bin" / "python", "-c", code, *names], capture_output=True, text=True, check=True
    ).stdout.strip()


def _provision(workload: Workload, link: Link, folder: Path) -> Command:
    (folder / "workstation.toml").write_text("schema = 1\n")
    (folder / "roles").mkdir(exist_ok=True)
    (folder / "roles" / "workload.py").write_text(
        _ROLE.format(directories=workload.directories, files=workload.files, packages=PACKAGES, service=SERVICE)
    )
    program = str(Path(sys.executable).parent / "provision")
    argv = [program, "apply", "workload", "--yes", "--host", link.host, "--ssh-config", str(link.ssh_config)]
    environment = {"XDG_CACHE_HOME": str(folder / "cache")}  # not shared with whatever else runs here
    subprocess.run([sys.executable, "-c", _PACK], env={**os.environ, **environment}, check=True)
    return Command(argv=[*argv, "--role-path", "roles"], folder=folder, changed=_provision_changed, environment=environment)


_PACK = "from provision.run import payload; payload.agent(), payload.stage1()"
"""What the first command after an installation does once, and every later one finds done."""

_ROLE = '''"""The workload of a benchmark."""
from provision.catalog.role import role
from provision.resources import Directory, File, Packages, Service

DIRECTORIES = {directories!r}
FILES = {files!r}


@role()
def workload(profile, facts):
    for path in DIRECTORIES:
        yield Directory(path=path)
    for path, content in FILES.items():
        yield File(path=path, content=content)
    yield Packages(names={packages!r}, recommends=False)
    yield Service(unit="{service}.service")
'''


def _provision_changed(output: str) -> int | None:
    if "nothing to change" in output:
        return 0
    found = re.search(r"(\d+) changed", output)
    return int(found[1]) if found else None


def _ssh(_workload: Workload, link: Link, folder: Path) -> Command:
    return Command(argv=["ssh", "-F", str(link.ssh_config), link.host, "true"], folder=folder, changed=lambda _: 0)


def _pyinfra(workload: Workload, link: Link, folder: Path) -> Command:
    data = {
        "ssh_hostname": "127.0.0.1",
        "ssh_port": link.port,
        "ssh_user": link.user,
        "ssh_key": str(link.key),
        "ssh_known_hosts_file": str(link.known_hosts),
        "ssh_strict_host_key_checking": "yes",
    }
    (folder / "inventory.py").write_text(f"hosts = [({link.host!r}, {data!r})]\n")
    (folder / "deploy.py").write_text(
        _DEPLOY.format(directories=workload.directories, files=workload.files, packages=list(PACKAGES), service=SERVICE)
    )
    return Command(
        argv=[str(CACHE / "pyinfra/bin/pyinfra"), "-y", "inventory.py", "deploy.py"], folder=folder, changed=_pyinfra_changed
    )


_DEPLOY = """from io import StringIO

from pyinfra import config
from pyinfra.operations import apt, files, systemd

config.SUDO = True

for path in {directories!r}:
    files.directory(path=path, mode="755", user="root", group="root")
for path, text in {files!r}.items():
    files.put(src=StringIO(text), dest=path, mode="644", user="root", group="root")
apt.packages(packages={packages!r}, no_recommends=True)
systemd.service(service="{service}", running=True, enabled=True)
"""


def _pyinfra_changed(output: str) -> int | None:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    found = re.search(r"Grand total\s+(\d+|-)\s+(\d+|-)\s+(\d+|-)", plain)
    return None if not found else 0 if found[2] == "-" else int(found[2])


def _ansible(name: str, settings: str) -> Callable[[Workload, Link, Path], Command]:
    def prepare(workload: Workload, link: Link, folder: Path) -> Command:
        (folder / "ansible.cfg").write_text(_CONFIGURATION.format(folder=folder, settings=settings))
        (folder / "inventory").write_text(
            f"{link.host} ansible_host=127.0.0.1 ansible_port={link.port} ansible_user={link.user} "
            f"ansible_ssh_private_key_file={link.key} "
            f"ansible_ssh_common_args='-o UserKnownHostsFile={link.known_hosts} -o GlobalKnownHostsFile=/dev/null "
            f"-o IdentitiesOnly=yes'\n"
        )
        files = [{"path": path, "text": text} for path, text in workload.files.items()]
        values = {"directories": workload.directories, "files": files, "packages": PACKAGES, "service": SERVICE}
        (folder / "workload.json").write_text(json.dumps(values))
        (folder / "playbook.yml").write_text(_PLAYBOOK)
        argv = [str(CACHE / name / "bin" / "ansible-playbook"), "playbook.yml"]
        environment = {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_HOME": str(folder / "home")}
        return Command(argv=argv, folder=folder, changed=_ansible_changed, environment=environment)

    return prepare


_CONFIGURATION = """[defaults]
inventory = {folder}/inventory
interpreter_python = /usr/bin/python3
{settings}

[connection]
pipelining = True
"""

_PLAYBOOK = """- hosts: all
  become: true
  gather_facts: false
  vars_files: [workload.json]
  tasks:
    - name: directories
      ansible.builtin.file: {path: "{{ item }}", state: directory, mode: "0755", owner: root, group: root}
      loop: "{{ directories }}"
    - name: files
      ansible.builtin.copy: {dest: "{{ item.path }}", content: "{{ item.text }}", mode: "0644", owner: root, group: root}
      loop: "{{ files }}"
      loop_control: {label: "{{ item.path }}"}
    - name: packages
      ansible.builtin.apt: {name: "{{ packages }}", install_recommends: false}
    - name: service
      ansible.builtin.systemd_service: {name: "{{ service }}", state: started, enabled: true}
"""


def _ansible_changed(output: str) -> int | None:
    found = re.search(r"ok=(\d+)\s+changed=(\d+)\s+unreachable=0\s+failed=0", output)
    return int(found[2]) if found else None


_STRATEGY = """strategy = mitogen_linear
strategy_plugins = {plugins}
deprecation_warnings = False"""


def _mitogen(workload: Workload, link: Link, folder: Path) -> Command:
    (plugins,) = (CACHE / "mitogen").glob("lib/python3*/site-packages/ansible_mitogen/plugins/strategy")
    return _ansible("mitogen", _STRATEGY.format(plugins=plugins))(workload, link, folder)


SSH = Tool(name="ssh", prepare=_ssh, applies=False)
PROVISION = Tool(name="provision", prepare=_provision)
PEERS = (
    Tool(name="pyinfra", prepare=_pyinfra, requirements=("pyinfra>=3,<4",)),
    Tool(name="ansible", prepare=_ansible("ansible", ""), requirements=("ansible-core>=2.19,<2.20",)),
    Tool(name="mitogen", prepare=_mitogen, requirements=("ansible-core>=2.19,<2.20", "mitogen>=0.3.54")),
)
TOOLS = (SSH, PROVISION, *PEERS)
