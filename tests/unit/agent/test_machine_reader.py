from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from provision.agent.accounts import Accounts
from provision.agent.host import Reader
from provision.agent.paths import Paths
from provision.agent.reader import MachineReader, state_name
from provision.errors import UnreadableError
from provision.resources.base import Blob
from tests.unit.agent.machine_tree import Tree


def test_it_has_no_verb_beyond_the_protocol() -> None:
    assert {name for name in dir(MachineReader) if not name.startswith("_")} == {
        name for name in dir(Reader) if not name.startswith("_")
    }


@pytest.mark.slow
def test_mypy_rejects_a_write_through_a_reader(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(
        "from provision.agent.reader import MachineReader\n"
        "from provision.agent.host import Reader\n"
        "from provision.agent.steps import RequestReboot\n"
        "reader: Reader = MachineReader()\n"
        "reader.perform(RequestReboot(because='x'))\n"
        "MachineReader().perform(RequestReboot(because='x'))\n"
    )
    argv = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), str(snippet)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert '"Reader" has no attribute "perform"' in done.stdout
    assert '"MachineReader" has no attribute "perform"' in done.stdout
    assert "Found 2 errors" in done.stdout


def test_absent_is_none_everywhere(tree: Tree) -> None:
    tree.put("/etc/hosts")
    host = tree.reader()
    for path in ("/nothing", "/no/thing", "/etc/hosts/below"):
        assert host.lstat(path) is None
        assert host.read(path) is None
        assert host.readlink(path) is None
        assert host.listdir(path) is None
        assert host.sha256(path) is None


def test_stat_names_owner_kind_and_mode(tree: Tree) -> None:
    tree.put("/etc/motd", "hello", mode=0o640)
    tree.at("/etc/link").symlink_to("motd")
    os.mkfifo(tree.at("/etc/fifo"))
    host = tree.reader()
    found = host.lstat("/etc/motd")
    assert found
    assert (found.kind, found.mode, found.owner, found.size) == ("file", 0o640, tree.me, 5)
    kinds = [stat.kind for name in ("", "/etc", "/etc/link", "/etc/fifo") if (stat := host.lstat(name or "/"))]
    assert kinds == ["directory", "directory", "link", "other"]
    assert host.readlink("/etc/link") == "motd"
    assert host.listdir("/etc") == ("fifo", "group", "link", "motd", "passwd")


def test_numbers_without_a_name_are_text(tree: Tree) -> None:
    tree.put("/etc/passwd", "")
    found = tree.reader().lstat("/etc/passwd")
    assert found
    assert found.owner == str(os.geteuid())


def test_reading_refuses_what_is_not_a_regular_file(tree: Tree) -> None:
    tree.put("/etc/motd")
    tree.at("/etc/link").symlink_to("motd")
    os.mkfifo(tree.at("/etc/fifo"))
    for path, words in (("/etc/link", "symbolic link"), ("/etc/fifo", "not a regular file"), ("/etc", "not a regular file")):
        with pytest.raises(UnreadableError, match=words):
            tree.reader().read(path)
        with pytest.raises(UnreadableError, match=words):
            tree.reader().sha256(path)
    with pytest.raises(UnreadableError, match="not a symbolic link"):
        tree.reader().readlink("/etc/motd")
    with pytest.raises(UnreadableError):
        tree.reader().listdir("/etc/motd")


def test_the_limit_is_exact(tree: Tree) -> None:
    tree.put("/etc/big", "x" * 100)
    assert tree.reader().read("/etc/big", limit=100) == b"x" * 100
    with pytest.raises(UnreadableError, match="larger than 99"):
        tree.reader().read("/etc/big", limit=99)
    assert tree.reader().sha256("/etc/big") == hashlib.sha256(b"x" * 100).hexdigest()


def test_files_of_unknown_size_are_read_whole() -> None:
    assert (MachineReader().read("/proc/self/status") or b"").startswith(b"Name:")


def test_no_permission_is_unreadable_with_a_hint(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.put("/etc/shadow")

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("provision.agent.paths.os.open", refuse)
    with pytest.raises(UnreadableError, match="permission denied") as caught:
        tree.reader().read("/etc/shadow")
    assert "sudo" in caught.value.hint


def test_links_of_root_in_its_own_directories_are_followed(tree: Tree) -> None:
    tree.put("/run/pid", "1")
    tree.at("/var/run").symlink_to("/run")
    tree.at("/var/up").symlink_to("../run")
    host = tree.reader()
    assert host.read("/var/run/pid") == b"1"
    assert host.read("/var/up/pid") == b"1"
    assert host.listdir("/var/run") == ("pid",)


def test_a_ring_of_links_ends(tree: Tree) -> None:
    tree.at("/a").symlink_to("b")
    tree.at("/b").symlink_to("a")
    with pytest.raises(UnreadableError):
        tree.reader().read("/a/x")


def test_a_link_in_a_directory_others_write_to_is_not_followed(tree: Tree) -> None:
    tree.put("/etc/secret", "s")
    tree.at("/shared").mkdir()
    tree.at("/shared").chmod(0o1777)
    tree.at("/shared/door").symlink_to("/etc")
    with pytest.raises(UnreadableError, match="`/shared/door` is a symbolic link"):
        tree.reader().read("/shared/door/secret")


def test_directories_below_a_sticky_one_are_trusted(tree: Tree) -> None:
    tree.put("/shared/mine/file", "x")
    tree.at("/shared").chmod(0o1777)
    paths = Paths(str(tree.root))
    assert paths.trusted("/shared/mine") == (f"{tree.root}/shared/mine/", True)
    assert paths.trusted("/shared") == (f"{tree.root}/shared/", False)
    tree.at("/shared/mine").chmod(0o777)
    assert Paths(str(tree.root)).trusted("/shared/mine") is None


def test_trust_is_judged_anew_after_forget(tree: Tree) -> None:
    tree.put("/srv/x/file")
    paths = Paths(str(tree.root))
    assert paths.trusted("/srv/x")
    tree.at("/srv/x").chmod(0o777)
    assert paths.trusted("/srv/x")
    paths.forget()
    assert paths.trusted("/srv/x") is None


def test_accounts_and_groups(tree: Tree) -> None:
    tree.put("/etc/passwd", "u:x:1000:1000:U:/home/u:/bin/bash\n+nis::::::\nbroken\nu:x:7:7::/:/bin/sh\n")
    tree.put("/etc/group", "u:x:1000:\nadm:x:4:syslog,u\ndocker:x:99:u\n")
    host = tree.reader()
    account = host.accounts()["u"]
    assert (account.uid, account.group, account.groups, account.home) == (1000, "u", ("adm", "docker"), "/home/u")
    assert list(host.accounts()) == ["u"]
    assert host.group_names() == {"u": 1000, "adm": 4, "docker": 99}


def test_the_name_service_is_asked_only_for_the_rest() -> None:
    accounts = Accounts(b"", b"")
    assert (accounts.user_name(0), accounts.group_name(0), accounts.uid("root"), accounts.gid("root")) == ("root", "root", 0, 0)
    assert (accounts.user_name(4000000000), accounts.uid("no-such"), accounts.uid("77")) == ("4000000000", None, 77)


def test_units_are_absent_without_systemd(tree: Tree) -> None:
    assert tree.reader().unit("ssh").load == "not-found"


def test_what_was_never_remembered_is_none(tree: Tree) -> None:
    assert tree.reader().recall("x") is None
    tree.put(f"/var/lib/provision/state/{state_name('x')}", "v")
    assert tree.reader().recall("x") == "v"
    tree.at("/var/lib/provision/state/x").write_bytes(b"\xff")
    with pytest.raises(UnreadableError, match="damaged"):
        tree.reader().recall("x")


def test_state_names_are_never_paths() -> None:
    assert state_name("apt_source:/etc/x") == "apt_source:%2Fetc%2Fx"
    assert state_name("../x") == "%2E.%2Fx"
    assert len({state_name(name) for name in ("..", ".", "a/b", "a%2Fb", "é")}) == 5


def test_blobs_boot_and_time() -> None:
    blob = Blob.of(b"data")
    host = MachineReader(blobs={blob.sha256: b"data"})
    assert host.blob(blob) == b"data"
    assert host.blob(Blob.of(b"other")) is None
    assert host.boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert 0 < host.boot_time_ns() < host.now_ns()
    assert host.boot_time_ns() == host.boot_time_ns()


class TestAsRoot:
    """Fault row F17, from the reading side: nothing a user places makes root read something else."""

    def test_a_link_in_a_home_is_named_and_not_followed(self, tree: Tree, home: Path) -> None:
        tree.put("/etc/shadow", "hash", mode=0o600)
        (home / ".ssh").symlink_to("/etc")
        os.lchown(home / ".ssh", 65534, 65534)
        for call in (tree.reader().read, tree.reader().lstat, tree.reader().sha256):
            with pytest.raises(UnreadableError, match=r"`/home/nobody/\.ssh` is a symbolic link"):
                call("/home/nobody/.ssh/shadow")

    def test_links_that_lead_upwards_are_not_followed(self, tree: Tree, home: Path) -> None:
        (home / "a").mkdir()
        tree.put("/etc/x")
        tree.at("/srv").symlink_to("/home/nobody/a/../../../etc")
        with pytest.raises(UnreadableError, match="upwards"):
            tree.reader().read("/srv/x")

    def test_a_hard_link_and_a_foreign_file_are_refused(self, tree: Tree, home: Path) -> None:
        shadow = tree.put("/etc/shadow", "hash", mode=0o600)
        os.link(shadow, home / "linked")
        with pytest.raises(UnreadableError, match="another hard link"):
            tree.reader().read("/home/nobody/linked")
        (home / "foreign").write_text("x")
        os.chown(home / "foreign", 12345, 12345)
        with pytest.raises(UnreadableError, match="neither root nor the owner"):
            tree.reader().read("/home/nobody/foreign")

    def test_a_fifo_does_not_block(self, tree: Tree, home: Path) -> None:
        os.mkfifo(home / "fifo")
        with pytest.raises(UnreadableError, match="not a regular file"):
            tree.reader().read("/home/nobody/fifo")

    def test_ordinary_files_in_a_home_are_read(self, tree: Tree, home: Path) -> None:
        (home / "d").mkdir()
        (home / "d" / "f").write_text("text")
        os.chown(home / "d" / "f", 65534, 65534)
        host = tree.reader()
        assert host.read("/home/nobody/d/f") == b"text"
        assert host.listdir("/home/nobody/d") == ("f",)
        os.chown(home / "d", 65534, 65534)
        assert host.read("/home/nobody/d/f") == b"text"
        found = host.lstat("/home/nobody/d/f")
        assert found
        assert found.owner == "nobody"
