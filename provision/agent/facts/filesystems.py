"""Mounted file systems that hold files of their own; a dead server or an automount is never touched."""

from __future__ import annotations

import os
from dataclasses import dataclass

from provision.agent.facts.tree import Tree
from provision.facts.model import Filesystem

_LOCAL = frozenset(("9p", "bcachefs", "virtiofs", "zfs"))
"""Types whose source is no path in /dev."""
_REMOTE = frozenset(("afs", "beegfs", "ceph", "cifs", "davfs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "smb3", "smbfs"))
_REMOTE_FUSE = frozenset(("ceph", "davfs2", "glusterfs", "mergerfs", "moosefs", "rclone", "s3fs", "sshfs"))
_ONLY_ROOT = frozenset(("overlay", "tmpfs", "ramfs", "aufs", "squashfs"))
_FIELDS = 6
"""Fields mountinfo always has before its ` - `, besides the optional ones."""
_DIGITS = 3
"""Octal digits the kernel writes after a backslash."""


@dataclass(frozen=True)
class Mount:
    """A line of mountinfo."""

    at: str
    source: str
    type: str
    read_only: bool


def filesystems(tree: Tree) -> tuple[Filesystem, ...]:
    """Return what is mounted, in the order of mounting; sizes are 0 where they were not asked for.

    They are not for a recorded machine, and not for a remote or automounted file system or anything mounted below one:
    statvfs would wait for its server.
    """
    mounts = {mount.at: mount for mount in parse(tree.text("/proc/self/mountinfo"))}
    # A remote `/` does answer: we run from it.
    slow = tuple(at + "/" for at, mount in mounts.items() if at != "/" and _is_slow(mount.type))
    found = []
    for at, mount in mounts.items():
        if _is_real(mount):
            asked = tree.live and not f"{at}/".startswith(slow)
            size, free = _space(at) if asked else (0, 0)
            if size >= 0:
                source = _without_credentials(mount.source)
                found.append(Filesystem(at=at, source=source, type=mount.type, size=size, free=free, read_only=mount.read_only))
    return tuple(found)


def parse(text: str) -> list[Mount]:
    """Return the mounts of a mountinfo text (proc_pid_mountinfo(5)); lines that are none are passed over."""
    mounts = []
    for line in text.split("\n"):
        left, separator, right = line.partition(" - ")
        fields, rest = left.split(" "), right.split(" ")
        if separator and len(fields) >= _FIELDS and len(rest) > 1:
            options = {*fields[5].split(","), *",".join(rest[2:]).split(",")}
            mounts.append(Mount(unescape(fields[4]), unescape(rest[1]), rest[0], "ro" in options))
    return mounts


def unescape(text: str) -> str:
    r"""Return `text` with the kernel's octal escapes (`\040` is a space) undone."""
    first, *rest = text.split("\\")
    out = [first]
    for part in rest:
        digits = part[:3]
        octal = len(digits) == _DIGITS and all(digit in "01234567" for digit in digits)
        out.append(chr(int(digits, 8)) + part[3:] if octal else "\\" + part)
    return "".join(out)


def _is_slow(kind: str) -> bool:
    return kind in _REMOTE or kind == "autofs" or kind.startswith("fuse.")


def _is_real(mount: Mount) -> bool:
    if mount.type in _LOCAL or mount.at == "/":
        return True
    if mount.type in _ONLY_ROOT or mount.type == "autofs":
        return False
    kind, _, helper = mount.type.partition(".")
    return mount.type in _REMOTE or (kind == "fuse" and helper in _REMOTE_FUSE) or mount.source.startswith("/dev/")


def _space(at: str) -> tuple[int, int]:
    """Return size and free bytes; a size below 0 for a single file that was mounted over, as containers do."""
    try:
        space = os.statvfs(at)
        directory = os.access(at + "/.", os.F_OK)
    except (OSError, ValueError):
        return 0, 0
    return (space.f_frsize * space.f_blocks, space.f_frsize * space.f_bavail) if directory else (-1, 0)


def _without_credentials(source: str) -> str:
    scheme, separator, rest = source.partition("://")
    return f"{scheme}://***@{rest.rpartition('@')[2]}" if separator and "@" in rest else source
