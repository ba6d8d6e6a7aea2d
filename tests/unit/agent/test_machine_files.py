"""Steps on files: whole or not at all, with everything that belongs to a file, whatever the umask."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from pathlib import Path

import pytest

from provision.agent import steps
from provision.agent.writer import MachineWriter
from provision.errors import StepError
from tests.unit.agent.machine_tree import Tree


def write(tree: Tree, path: str = "/etc/app.conf", content: bytes = b"new", **more: object) -> steps.Write:
    options = {"mode": 0o640, "owner": tree.me, "group": tree.me, **more}
    return steps.Write(path=path, content=content, **options)  # type: ignore[arg-type] # options of the step


def index(tree: Tree) -> list[dict[str, object]]:
    file = tree.backups / "index.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_mode_is_what_was_asked_under_any_umask(tree: Tree, umask: int) -> None:
    os.umask(umask)
    writer = tree.writer()
    writer.perform(write(tree))
    writer.perform(steps.MakeDirectory(path="/etc/dir", mode=0o2755, owner=tree.me, group=tree.me))
    writer.perform(steps.WriteRandom(path="/etc/token", length=24, mode=0o604, owner=tree.me, group=tree.me))
    writer.perform(steps.Remember(name="n", value="v"))
    os.umask(0o022)
    modes = {name: stat.S_IMODE(tree.at(name).stat().st_mode) for name in ("/etc/app.conf", "/etc/dir", "/etc/token")}
    assert modes == {"/etc/app.conf": 0o640, "/etc/dir": 0o2755, "/etc/token": 0o604}
    assert stat.S_IMODE(tree.at("/var/lib/provision/state/n").stat().st_mode) == 0o600
    assert stat.S_IMODE(tree.at("/var/lib/provision/state").stat().st_mode) == 0o700
    assert tree.temporaries() == []


def test_replacing_keeps_xattrs_and_backs_up(tree: Tree) -> None:
    old = tree.put("/etc/app.conf", "old", mode=0o600)
    try:
        os.setxattr(old, "user.colour", b"blue")
    except OSError:
        pytest.skip("this file system has no user xattrs")
    tree.writer().perform(write(tree))
    assert old.read_text() == "new"
    assert os.getxattr(old, "user.colour") == b"blue"
    (record,) = index(tree)
    assert (record["path"], record["mode"], record["owner"]) == ("/etc/app.conf", 0o600, tree.me)
    assert record["sha256"] == hashlib.sha256(b"old").hexdigest()
    assert (tree.backups / str(record["number"])).read_text() == "old"
    assert stat.S_IMODE(tree.backups.stat().st_mode) == 0o700
    assert stat.S_IMODE((tree.backups / "1").stat().st_mode) == 0o600


def test_numbers_of_backups_go_on_in_another_process(tree: Tree) -> None:
    tree.put("/etc/app.conf", "one")
    tree.writer().perform(write(tree, content=b"two"))
    tree.writer().perform(write(tree, content=b"three"))
    assert [(record["number"], (tree.backups / str(record["number"])).read_text()) for record in index(tree)] == [
        (1, "one"),
        (2, "two"),
    ]


def test_sensitive_files_are_never_backed_up(tree: Tree) -> None:
    tree.put("/etc/token", "canary")
    tree.writer().perform(write(tree, "/etc/token", sensitive=True))
    tree.writer().perform(steps.Remove(path="/etc/token", sensitive=True))
    assert not tree.backups.exists()


def test_the_validator_sees_the_new_text_under_its_own_name_before_the_old_is_touched(tree: Tree) -> None:
    tree.put("/etc/app.conf", "old")
    script = 'test "$(basename "$1")" = app.conf && grep -q bad "$1" && { echo "line 1: bad"; exit 1; } || cat "$1"'
    step = write(tree, content=b"bad", validate=("sh", "-c", script, "sh", "{}"))
    with pytest.raises(StepError, match="was not replaced") as caught:
        tree.writer().perform(step)
    assert caught.value.evidence == "line 1: bad"
    assert tree.at("/etc/app.conf").read_text() == "old"
    assert index(tree) == []
    tree.writer().perform(write(tree, content=b"good", validate=step.validate))
    assert tree.at("/etc/app.conf").read_text() == "good"
    assert list(tree.at("/run/provision").iterdir()) == []


def test_a_missing_validator_is_named(tree: Tree) -> None:
    with pytest.raises(StepError, match="`no-such-validator` is not installed"):
        tree.writer().perform(write(tree, validate=("no-such-validator", "{}")))
    assert not tree.at("/etc/app.conf").exists()
    assert tree.temporaries() == []


@pytest.mark.parametrize("call", ["fsync", "rename", "write", "fchmod", "fchown"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_fault_leaves_the_old_file_and_no_temporary(tree: Tree, monkeypatch: pytest.MonkeyPatch, call: str, code: int) -> None:
    tree.put("/etc/app.conf", "old")
    writer = MachineWriter(root=str(tree.root))
    step = write(tree)
    real = getattr(os, call)

    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    if call == "fchown" and os.geteuid() == 0:
        step = write(tree, owner="nobody", group="nobody")
    elif call == "fchown":
        pytest.skip("needs root: nothing is given to others")
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(StepError, match=r"`/etc/app\.conf` cannot be changed") as caught:
        writer.perform(step)
    monkeypatch.setattr(os, call, real)
    assert caught.value.hint
    assert tree.at("/etc/app.conf").read_text() == "old"
    assert tree.temporaries() == []
    writer.perform(write(tree))
    assert tree.at("/etc/app.conf").read_text() == "new"


def test_everything_is_on_disk_in_the_right_order(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.put("/etc/app.conf", "old")
    events: list[str] = []
    real_fsync, real_rename = os.fsync, os.rename

    def fsync(fd: int) -> None:
        target = str(Path(f"/proc/self/fd/{fd}").readlink()).removeprefix(str(tree.root.parent))
        events.append("fsync temporary" if ".provision-" in target else f"fsync {target}")
        real_fsync(fd)

    def rename(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        events.append("rename")
        real_rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    tree.writer().perform(write(tree))
    assert events == [
        "fsync temporary",
        "fsync /backups/1",
        "fsync /backups/index.jsonl",
        "fsync /backups",
        "rename",
        "fsync /root/etc",
    ]


def test_what_a_killed_run_left_is_swept(tree: Tree) -> None:
    tree.put("/etc/.provision-0123456789abcdef", "half")
    tree.put("/etc/.provision-notes", "a person's")
    tree.writer().perform(write(tree))
    assert tree.temporaries() == [".provision-notes"]


def test_files_do_not_replace_directories_or_special_files(tree: Tree) -> None:
    tree.at("/etc/app.conf").mkdir()
    os.mkfifo(tree.at("/etc/fifo"))
    for path, words in (("/etc/app.conf", "is a directory"), ("/etc/fifo", "is a special file")):
        with pytest.raises(StepError, match=words):
            tree.writer().perform(write(tree, path))
    with pytest.raises(StepError, match="special file"):
        tree.writer().perform(steps.Remove(path="/etc/fifo"))


def test_a_link_is_replaced_not_followed_and_noted(tree: Tree) -> None:
    tree.put("/etc/other", "other")
    tree.at("/etc/app.conf").symlink_to("other")
    tree.writer().perform(write(tree))
    assert tree.at("/etc/other").read_text() == "other"
    assert not tree.at("/etc/app.conf").is_symlink()
    assert [(record["kind"], record["target"]) for record in index(tree)] == [("link", "other")]


def test_a_missing_directory_or_user_is_named(tree: Tree) -> None:
    with pytest.raises(StepError, match="no such file or directory") as caught:
        tree.writer().perform(write(tree, "/no/where/x"))
    assert "make the directory" in caught.value.hint
    with pytest.raises(StepError, match="there is no user `ghost`"):
        tree.writer().perform(write(tree, owner="ghost"))
    with pytest.raises(StepError, match="there is no group `ghosts`"):
        tree.writer().perform(write(tree, group="ghosts"))


def test_random_files_are_made_once(tree: Tree) -> None:
    step = steps.WriteRandom(path="/etc/token", length=24, mode=0o600, owner=tree.me, group=tree.me)
    tree.writer().perform(step)
    first = tree.at("/etc/token").read_text()
    assert len(bytes.fromhex(first.strip())) == 24
    with pytest.raises(StepError, match="never overwritten"):
        tree.writer().perform(step)
    assert tree.at("/etc/token").read_text() == first


def test_random_files_where_nameless_files_are_unknown(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def without_tmpfile(path: str, flags: int, *rest: int, **at: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "not supported")
        return real(path, flags, *rest, **at)

    monkeypatch.setattr(os, "open", without_tmpfile)
    test_random_files_are_made_once(tree)
    assert tree.temporaries() == []
    assert tree.at("/etc/token").stat().st_nlink == 1


def test_directories_are_made_and_removed_when_empty(tree: Tree) -> None:
    writer = tree.writer()
    writer.perform(steps.MakeDirectory(path="/srv", mode=0o755, owner=tree.me, group=tree.me))
    tree.put("/srv/keep")
    with pytest.raises(StepError, match="is not empty, so it stays"):
        writer.perform(steps.Remove(path="/srv"))
    writer.perform(steps.Remove(path="/srv/keep"))
    writer.perform(steps.Remove(path="/srv"))
    writer.perform(steps.Remove(path="/srv"))
    assert not tree.at("/srv").exists()
    with pytest.raises(StepError, match="exists"):
        writer.perform(steps.MakeDirectory(path="/etc", mode=0o755, owner=tree.me, group=tree.me))


def test_attributes_are_set_on_the_thing_itself(tree: Tree) -> None:
    victim = tree.put("/etc/victim", mode=0o600)
    tree.at("/etc/link").symlink_to("victim")
    tree.put("/etc/file", mode=0o600)
    for path in ("/etc/link", "/etc/file", "/etc"):
        tree.writer().perform(steps.SetAttributes(path=path, mode=0o711, owner=tree.me, group=tree.me))
    assert stat.S_IMODE(victim.stat().st_mode) == 0o600
    assert stat.S_IMODE(tree.at("/etc/file").stat().st_mode) == 0o711
    assert stat.S_IMODE(tree.at("/etc").stat().st_mode) == 0o711


def test_links_replace_links_only(tree: Tree) -> None:
    def link(target: str, path: str = "/etc/localtime") -> steps.MakeLink:
        return steps.MakeLink(path=path, target=target, owner=tree.me, group=tree.me)

    writer = tree.writer()
    writer.perform(link("/usr/a"))
    writer.perform(link("/usr/b"))
    assert writer.readlink("/etc/localtime") == "/usr/b"
    assert [record["target"] for record in index(tree)] == ["/usr/a"]
    tree.put("/etc/file", "precious")
    with pytest.raises(StepError, match="is no link"):
        writer.perform(link("x", "/etc/file"))
    assert tree.temporaries() == []


def test_whole_directories_are_removed_without_leaving_them(tree: Tree) -> None:
    outside = tree.put("/srv/keep/me", "precious")
    tree.put("/opt/env/lib/deep/file")
    tree.at("/opt/env/lib/out").symlink_to(tree.at("/srv/keep"))
    tree.writer().perform(steps.RemoveTree(path="/opt/env"))
    tree.writer().perform(steps.RemoveTree(path="/opt/env"))
    assert not tree.at("/opt/env").exists()
    assert outside.read_text() == "precious"


def test_a_link_swapped_in_for_a_directory_is_not_entered(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = tree.put("/srv/keep/me", "precious")
    tree.at("/opt/env").mkdir(parents=True)
    tree.at("/opt/env/lib").symlink_to(tree.at("/srv/keep"))

    class WasADirectory:
        name = "lib"

        def is_dir(self, *, follow_symlinks: bool) -> bool:
            return not follow_symlinks

    monkeypatch.setattr("provision.agent.removal.os.scandir", lambda _fd: [WasADirectory()])
    with pytest.raises(StepError, match="not a directory"):
        tree.writer().perform(steps.RemoveTree(path="/opt/env"))
    assert outside.read_text() == "precious"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/opt",
        "/etc",
        "/etc/ssh",
        "/usr/lib",
        "/home/nobody",
        "/home",
        "/var/lib",
        "/proc/self/x",
        "/opt/../etc/x/y",
        "opt/x",
    ],
)
def test_system_and_home_directories_are_never_removed_whole(tree: Tree, path: str) -> None:
    with pytest.raises(StepError, match="is not removed"):
        tree.writer().perform(steps.RemoveTree(path=path))


def test_a_tree_must_be_a_directory(tree: Tree) -> None:
    tree.put("/srv/keep/me")
    tree.put("/opt/file")
    tree.at("/opt/link").symlink_to(tree.at("/srv"))
    for path in ("/opt/link", "/opt/file"):
        with pytest.raises(StepError, match="not a directory"):
            tree.writer().perform(steps.RemoveTree(path=path))
    assert tree.at("/srv/keep/me").exists()


def test_what_is_remembered_is_recalled(tree: Tree) -> None:
    writer = tree.writer()
    for value in ("one", "two"):
        writer.perform(steps.Remember(name="apt_source:/etc/x", value=value))
        assert tree.reader().recall("apt_source:/etc/x") == value
    assert not tree.backups.exists()


def test_reports_and_reboots_reach_whoever_runs_it(tree: Tree) -> None:
    tree.put("/srv/lock.txt", "torch==2\n")
    writer, heard = tree.writer(), []
    writer.on_report = lambda *what: heard.append(what)
    writer.perform(steps.Report(name="lock", subject="torch", path="/srv/lock.txt"))
    assert heard == [("lock", "torch", "torch==2\n")]
    with pytest.raises(StepError, match="is not there"):
        writer.perform(steps.Report(name="lock", subject="torch", path="/srv/none"))
    assert writer.reboot_wanted == ""
    writer.perform(steps.RequestReboot(because="a new kernel"))
    assert writer.reboot_wanted == "a new kernel"


def test_snapshots_are_dropped_when_their_source_changes(tree: Tree) -> None:
    writer = tree.writer()
    assert "new" not in writer.accounts()
    text = tree.at("/etc/passwd").read_text() + "new:x:1234:0::/:/bin/sh\n"
    writer.perform(write(tree, "/etc/passwd", text.encode()))
    assert writer.accounts()["new"].uid == 1234
    writer.perform(steps.Run(argv=("sh", "-c", f"echo later:x:77: >> {tree.at('/etc/group')}")))
    assert writer.group_names()["later"] == 77


class TestAsRoot:
    """Fault row F17, from the writing side."""

    def test_writing_through_a_link_is_refused(self, tree: Tree, home: Path) -> None:
        tree.put("/etc/authorized_keys", "root's")
        (home / ".ssh").symlink_to("/etc")
        for step in (
            write(tree, "/home/nobody/.ssh/authorized_keys"),
            steps.MakeDirectory(path="/home/nobody/.ssh/d", mode=0o755, owner="nobody", group="nobody"),
            steps.SetAttributes(path="/home/nobody/.ssh/authorized_keys", mode=0o666, owner="nobody", group="nobody"),
            steps.Remove(path="/home/nobody/.ssh/authorized_keys"),
            steps.RemoveTree(path="/home/nobody/.ssh/tree"),
            steps.WriteRandom(path="/home/nobody/.ssh/token", length=16, mode=0o600, owner="nobody", group="nobody"),
            steps.MakeLink(path="/home/nobody/.ssh/l", target="x", owner="nobody", group="nobody"),
        ):
            with pytest.raises(StepError, match=r"`/home/nobody/\.ssh` is a symbolic link"):
                tree.writer().perform(step)
        assert tree.at("/etc/authorized_keys").read_text() == "root's"
        assert sorted(file.name for file in tree.at("/etc").iterdir()) == ["authorized_keys", "group", "passwd"]

    @pytest.mark.parametrize("trap", ["link", "hard link", "fifo", "foreign"])
    def test_traps_at_the_name_itself_are_refused(self, tree: Tree, home: Path, trap: str) -> None:
        victim = tree.put("/etc/shadow", "hash", mode=0o600)
        name = home / "file"
        if trap == "link":
            name.symlink_to(victim)
        elif trap == "hard link":
            name.hardlink_to(victim)
        elif trap == "fifo":
            os.mkfifo(name)
        else:
            name.write_text("x")
            os.chown(name, 12345, 12345)
        with pytest.raises(StepError):
            tree.writer().perform(write(tree, "/home/nobody/file", owner="nobody", group="nobody"))
        if trap == "hard link":
            with pytest.raises(StepError, match="another hard link"):
                tree.writer().perform(steps.SetAttributes(path="/home/nobody/file", mode=0o666, owner="nobody", group="nobody"))
        info = victim.stat()
        assert (info.st_uid, stat.S_IMODE(info.st_mode), victim.read_text()) == (0, 0o600, "hash")
        assert tree.temporaries() == []

    def test_files_are_given_to_their_owner(self, tree: Tree, home: Path) -> None:
        writer = tree.writer()
        writer.perform(steps.MakeDirectory(path="/home/nobody/.ssh", mode=0o700, owner="nobody", group="nobody"))
        writer.perform(write(tree, "/home/nobody/.ssh/authorized_keys", owner="nobody", group="", mode=0o600))
        writer.perform(steps.MakeLink(path="/home/nobody/l", target="t", owner="nobody", group="nobody"))
        for path in (home / ".ssh", home / ".ssh" / "authorized_keys", home / "l"):
            assert (path.lstat().st_uid, path.lstat().st_gid) == (65534, 65534)
