"""Mode, owner, group and extended attributes, always through an open descriptor."""

from __future__ import annotations

import errno
import os
import stat

from provision.agent.accounts import Accounts
from provision.agent.host import Stat
from provision.errors import StepError

_OF_THE_CONTENT = frozenset({"security.capability", "security.ima", "security.evm"})
"""Attributes that vouch for the old bytes; the kernel drops them on a write, and so do we."""
_PERMISSIONS = 0o7777
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}


def stat_of(info: os.stat_result, accounts: Accounts) -> Stat:
    """Return `info` with names."""
    return Stat(
        kind=_KINDS.get(stat.S_IFMT(info.st_mode), "other"),
        mode=info.st_mode & _PERMISSIONS,
        owner=accounts.user_name(info.st_uid),
        group=accounts.group_name(info.st_gid),
        size=info.st_size,
        mtime_ns=info.st_mtime_ns,
        ctime_ns=info.st_ctime_ns,
    )


def numbers(owner: str, group: str, accounts: Accounts) -> tuple[int, int]:
    """Return the numbers of `owner` and `group` (empty: the owner's first group); raises `StepError` for an unknown name."""
    uid = accounts.uid(owner)
    if uid is None:
        raise StepError(f"there is no user `{owner}`", hint=f"`getent passwd {owner}`")
    if not group and owner in accounts.users:
        return uid, accounts.users[owner].gid
    gid = accounts.gid(group or owner)
    if gid is None:
        raise StepError(f"there is no group `{group or owner}`", hint=f"`getent group {group or owner}`")
    return uid, gid


def dress(fd: int, mode: int, uid: int, gid: int) -> None:
    """Set owner, group and mode of an open file or directory; the owner first, since a change of it clears set-id bits."""
    info = os.fstat(fd)
    if (info.st_uid, info.st_gid) != (uid, gid):
        os.fchown(fd, uid, gid)
    os.fchmod(fd, mode)


def dress_at(fd: int, mode: int, uid: int, gid: int) -> None:
    """Do the same to what an `O_PATH` descriptor refers to; a link itself has an owner and no mode."""
    info = os.fstat(fd)
    itself = f"/proc/self/fd/{fd}"
    if (info.st_uid, info.st_gid) != (uid, gid):
        os.chown(itself, uid, gid)
    if not stat.S_ISLNK(info.st_mode):
        os.chmod(itself, mode)


def copy_xattrs(source: int, destination: int) -> None:
    """Give one open file the extended attributes of another (access lists, labels, a person's own)."""
    try:
        names = os.listxattr(source)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return
        raise
    for name in names:
        if name not in _OF_THE_CONTENT:
            os.setxattr(destination, name, os.getxattr(source, name))
