"""Collecting for real: the same answers as independent tools, on every Python that is here, cheaply, writing nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from provision.agent.facts import collect
from provision.facts.model import Facts, dump, load

ROOT = str(Path(__file__).parents[3])
NOT_NEEDED = {
    "argparse",
    "asyncio",
    "configparser",
    "distro",
    "json",
    "logging",
    "pathlib",
    "shlex",
    "socket",
    "subprocess",
    "urllib",
}


def asked(*argv: str) -> str:
    if not shutil.which(argv[0]):
        pytest.skip(f"{argv[0]} is not here to ask")
    return subprocess.run(argv, check=False, capture_output=True, text=True).stdout.strip()


def fresh(python: str, *lines: str) -> dict[str, Any]:
    """Run `lines` in a Python of its own, without site-packages; its last line is JSON."""
    code = "\n".join((f"import sys; sys.dont_write_bytecode = True; sys.path.insert(0, {ROOT!r})", *lines))
    done = subprocess.run([python, "-IS", "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture(scope="module")
def facts() -> Facts:
    return collect()


def test_kernel_processor_and_memory(facts: Facts) -> None:
    assert facts.kernel.running == asked("uname", "-r")
    assert facts.cpu.threads == int(asked("nproc", "--all"))
    assert 0 < facts.cpu.cores <= facts.cpu.threads
    assert facts.memory == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_hostname(facts: Facts) -> None:
    assert facts.hostname == asked("uname", "-n")


def test_architecture(facts: Facts) -> None:
    assert facts.system.architecture == asked("dpkg", "--print-architecture")


def test_c_library(facts: Facts) -> None:
    assert asked("getconf", "GNU_LIBC_VERSION") == f"glibc {facts.system.glibc}"


def test_virtualization(facts: Facts) -> None:
    assert facts.virtualization == asked("systemd-detect-virt")


def test_people(facts: Facts) -> None:
    known = {fields[0]: fields for fields in (line.split(":") for line in asked("getent", "passwd").splitlines())}
    for person in facts.people:
        assert [str(person.uid), person.home, person.shell] == [known[person.name][index] for index in (2, 5, 6)]
        assert sorted(person.groups) == sorted(asked("id", "-Gn", person.name).split())
    assert {"root"} <= {person.name for person in facts.people}
    assert facts.login == os.environ.get("SUDO_USER", asked("id", "-un"))


def mounted() -> dict[str, tuple[str, int]]:
    kinds = "ext2,ext3,ext4,xfs,btrfs,vfat,overlay"
    found = json.loads(asked("findmnt", "--json", "--list", "--bytes", "--types", kinds, "--output", "TARGET,FSTYPE,SIZE"))
    return {item["target"]: (item["fstype"], int(item["size"] or 0)) for item in found["filesystems"]}


def test_filesystems() -> None:
    before = mounted()
    ours = {item.at: (item.type, item.size) for item in collect().filesystems}
    stayed = dict(before.items() & mounted().items())
    assert "/" in ours
    for at, known in stayed.items():
        if Path(at).is_dir() and (at == "/" or known[0] != "overlay"):
            assert ours[at] == known


def test_interfaces(facts: Facts) -> None:
    known = {item["ifname"]: item for item in json.loads(asked("ip", "-json", "address"))}
    ours = {interface.name: interface for interface in facts.interfaces}
    for name in ours.keys() & known.keys():
        assert ours[name].mac == known[name]["address"]
        assert sorted(ours[name].addresses) == sorted(item["local"] for item in known[name]["addr_info"])
    assert ours["lo"].up


def test_a_round_trip(facts: Facts) -> None:
    assert load(json.loads(json.dumps(dump(facts)))) == facts


def test_an_empty_machine_has_defaults(tmp_path: Path) -> None:
    empty = collect(root=str(tmp_path))
    assert (empty.system.id, empty.memory, empty.filesystems, empty.people, empty.login) == ("linux", 0, (), (), "root")
    assert load(json.loads(json.dumps(dump(empty)))) == empty


def test_a_recorded_machine_knows_nothing_of_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "somebody")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.test/simple")
    found = collect(root=f"{tmp_path}/", login="me")
    assert (found.login, found.pip.index_url, found.interfaces) == ("me", "", ())


def pythons() -> dict[str, str]:
    """Return the Pythons an agent may meet, by version."""
    found = {}
    for minor in range(10, 14):
        kept = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
        python = str(kept[-1]) if kept else shutil.which(f"python3.{minor}")
        if python:
            found[f"3.{minor}"] = python
    return found


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_every_python_collects_the_same(facts: Facts, version: str) -> None:
    python = pythons().get(version)
    if python is None:
        pytest.skip(f"Python {version} is not here")
    theirs = fresh(
        python,
        "from provision.agent.facts import collect; from provision.facts.model import dump",
        "import json; print(json.dumps(dump(collect())))",
    )
    ours = json.loads(json.dumps(dump(facts)))
    for item in (ours, theirs):
        for changing in ("filesystems", "python", "interfaces"):
            del item[changing]
    assert theirs == ours


def test_it_starts_nothing_and_writes_nothing() -> None:
    seen = fresh(
        sys.executable,
        "from provision.agent.facts import collect, machine, netlink",
        "events = []",
        "sys.addaudithook(lambda event, args: events.append((event, str(args))) if (",
        "    event.startswith(('subprocess', 'os.fork', 'os.exec', 'os.posix_spawn', 'os.system', 'socket.connect'))",
        "    or (event == 'open' and args[2] & 0o3)) else None)",
        "collect()",
        "found = list(events)",
        "import os; os.close(os.open('/dev/null', os.O_WRONLY))",
        "import json; print(json.dumps({'events': found, 'watched': len(events) - len(found)}))",
    )
    assert seen == {"events": [], "watched": 1}


def test_somebody_without_privilege_gets_an_answer() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    seen = fresh(
        sys.executable,
        "from provision.agent.facts import collect, machine, netlink; from provision.facts.model import dump",
        "import json, os, grp, pwd; os.environ.pop('SUDO_USER', None); os.setgroups([]); os.setgid(65534); os.setuid(65534)",
        "print(json.dumps(dump(collect())))",
    )
    assert (seen["privileged"], seen["login"]) == (False, "nobody")
    assert seen["memory"] > 0


def test_it_imports_little() -> None:
    lines = (
        "from provision.agent.facts import collect; collect()",
        "names = sorted({name.partition('.')[0] for name in sys.modules})",
        "import json; print(json.dumps({'modules': names}))",
    )
    assert not NOT_NEEDED & set(fresh(sys.executable, *lines)["modules"])
