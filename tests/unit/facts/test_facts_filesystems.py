"""What is mounted, from recorded mountinfo."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent.facts import filesystems
from provision.agent.facts.tree import Tree
from tests.unit.facts.recorded import record

MOUNTINFO = r"""22 28 0:21 / /proc rw,nosuid shared:12 - proc proc rw
23 28 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw
24 28 0:6 / /dev rw,nosuid shared:2 - devtmpfs udev rw,size=16G
28 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,errors=remount-ro
29 28 0:23 / /run rw - tmpfs tmpfs rw
30 28 259:1 / /boot/efi rw,relatime shared:30 - vfat /dev/nvme0n1p1 rw
31 28 7:0 / /snap/core/1 ro shared:31 - squashfs /dev/loop0 ro
32 28 0:40 / /mnt/nas rw - nfs4 nas:/export rw
33 32 8:17 / /mnt/nas/below rw - ext4 /dev/sdb1 rw
34 28 0:41 / /media/disk\040one\134\011 ro,relatime - fuseblk /dev/sda2 rw
35 28 0:42 / /auto rw - autofs systemd-1 rw
36 28 0:43 / /home/me/.cache/doc rw - fuse.portal portal rw
37 28 0:44 / /home/me/far rw - fuse.sshfs me@far:/ rw
38 28 0:45 / /tank rw - zfs tank/data rw,xattr
39 28 0:46 / /mnt/dav rw - davfs https://me:CANARY@dav.test/ rw
40 28 0:47 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
41 28 259:3 / /data rw - ext4 /dev/nvme0n1p3 rw
42 41 259:4 / /data rw - xfs /dev/nvme0n1p4 rw
"""


def test_only_what_holds_files_of_its_own(tmp_path: Path) -> None:
    found = filesystems.filesystems(record(tmp_path, {"/proc/self/mountinfo": MOUNTINFO}))
    assert [(item.at, item.source, item.type, item.read_only) for item in found] == [
        ("/", "/dev/nvme0n1p2", "ext4", False),
        ("/boot/efi", "/dev/nvme0n1p1", "vfat", False),
        ("/mnt/nas", "nas:/export", "nfs4", False),
        ("/mnt/nas/below", "/dev/sdb1", "ext4", False),
        ("/media/disk one\\\t", "/dev/sda2", "fuseblk", True),
        ("/home/me/far", "me@far:/", "fuse.sshfs", False),
        ("/tank", "tank/data", "zfs", False),
        ("/mnt/dav", "https://***@dav.test/", "davfs", False),
        ("/data", "/dev/nvme0n1p4", "xfs", False),
    ]
    assert {(item.size, item.free) for item in found} == {(0, 0)}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    paths: list[str] = []
    real = os.statvfs("/")

    def statvfs(path: str) -> os.statvfs_result:
        paths.append(path)
        return real

    monkeypatch.setattr(os, "statvfs", statvfs)
    return paths


def live(folder: Path, text: str) -> Tree:
    """Return this machine with a recorded mountinfo."""
    tree = record(folder, {"/proc/self/mountinfo": text})
    tree.live = True
    return tree


def test_a_dead_server_is_never_asked(tmp_path: Path, asked: list[str]) -> None:
    filesystems.filesystems(live(tmp_path, MOUNTINFO))
    assert asked == ["/", "/boot/efi", "/media/disk one\\\t", "/tank", "/data"]


def test_a_diskless_machine_asks_its_root(tmp_path: Path, asked: list[str]) -> None:
    text = "28 1 0:30 / / rw - nfs4 server:/root rw\n29 28 8:1 / /data rw - ext4 /dev/sda1 rw\n"
    assert all(item.size for item in filesystems.filesystems(live(tmp_path, text)))
    assert asked == ["/", "/data"]


def test_the_root_of_a_container_counts_and_its_single_files_do_not(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("")
    text = f"1 0 0:50 / / rw - overlay overlay rw\n2 1 259:2 /x/resolv.conf {file} rw - ext4 /dev/nvme0n1p2 rw\n"
    assert [item.at for item in filesystems.filesystems(live(tmp_path, text))] == ["/"]


@pytest.mark.parametrize("text", ["", "garbage", " - ", "1 2 3 4 5 - ext4", "1 2 3:4 / / rw -", "\\ - \\\n1 0 0:5 / /x"])
def test_lines_that_are_none(tmp_path: Path, text: str) -> None:
    assert filesystems.filesystems(record(tmp_path, {"/proc/self/mountinfo": text})) == ()


def escape(text: str) -> str:
    return "".join(f"\\{ord(character):03o}" if character in " \t\n\\#" else character for character in text)


@given(st.text(min_size=1), st.text(min_size=1))
def test_escapes_are_undone(at: str, source: str) -> None:
    mounts = filesystems.parse(f"28 1 259:2 / {escape(at)} rw,relatime shared:1 master:2 - ext4 {escape(source)} ro")
    assert [(mount.at, mount.source, mount.type, mount.read_only) for mount in mounts] == [(at, source, "ext4", True)]


@given(st.text())
def test_any_text_is_unescaped(text: str) -> None:
    assert filesystems.unescape(text.replace("\\", "")) == text.replace("\\", "")
    assert isinstance(filesystems.unescape(text), str)
    assert isinstance(filesystems.parse(text), list)
