"""Putting something at a name all at once: a temporary beside it, on disk, then a rename, on disk."""

from __future__ import annotations

import errno
import os
import re
import stat
from types import TracebackType

from provision.agent.attributes import copy_xattrs, dress
from provision.agent.paths import Place
from provision.errors import StepError

_PREFIX = ".provision-"
_TEMPORARY = re.compile(r"\.provision-[0-9a-f]{16}")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def temporary_name() -> str:
    """Return a name nobody can guess."""
    return f"{_PREFIX}{os.urandom(8).hex()}"


def write_all(fd: int, content: bytes) -> None:
    """Write every byte."""
    data = memoryview(content)
    while data:
        data = data[os.write(fd, data) :]


def sweep(place: Place) -> None:
    """Remove temporaries that a killed run left in this directory (one run at a time: they are nobody's now)."""
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place.fd)
    try:
        for name in os.listdir(fd):
            if _TEMPORARY.fullmatch(name) and not stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                os.unlink(name, dir_fd=fd)
    finally:
        os.close(fd)


def check_target(place: Place) -> os.stat_result | None:
    """Return what would be replaced; raises `StepError` for what must not be."""
    info = place.lstat()
    if info is None:
        return None
    if stat.S_ISLNK(info.st_mode) and place.private:
        return info
    if not stat.S_ISREG(info.st_mode):
        kind = {stat.S_IFLNK: "symbolic link", stat.S_IFDIR: "directory"}.get(stat.S_IFMT(info.st_mode), "special file")
        raise StepError(f"`{place.path}` is a {kind}, which is not replaced by a file", hint=f"`ls -ld {place.path}`")
    place.suspect(info)
    return info


class Temporary:
    """A new file beside the one it will replace; gone again unless `commit` was reached."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.name = temporary_name()
        self._there = True
        self.fd = os.open(self.name, _NEW, 0o600, dir_fd=place.fd)

    def __enter__(self) -> Temporary:  # noqa: PYI034 - typing.Self needs Python 3.11
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self.fd)
        if self._there:
            os.unlink(self.name, dir_fd=self._place.fd)

    def fill(self, content: bytes, mode: int, uid: int, gid: int, like: int | None = None) -> None:
        """Write content, owner, the attributes of the open file `like` and the mode, and see them on disk."""
        write_all(self.fd, content)
        dress(self.fd, 0o600, uid, gid)
        if like is not None:
            copy_xattrs(like, self.fd)
        os.fchmod(self.fd, mode)
        os.fsync(self.fd)

    def commit(self) -> None:
        """Take the place, atomically."""
        os.rename(self.name, self._place.name, src_dir_fd=self._place.fd, dst_dir_fd=self._place.fd)
        self._there = False
        self._place.sync()


def write_new(place: Place, content: bytes, mode: int, uid: int, gid: int) -> None:
    """Put a file where nothing is, all at once; raises `FileExistsError`."""
    try:
        fd = os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=place.fd)
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT}:
            raise
        _write_new_slowly(place, content, mode, uid, gid)
        return
    try:
        write_all(fd, content)
        dress(fd, mode, uid, gid)
        os.fsync(fd)
        # A file without a name gets one: nothing is left behind by a kill before or after.
        os.link(f"/proc/self/fd/{fd}", place.name, dst_dir_fd=place.fd, follow_symlinks=True)
    finally:
        os.close(fd)
    place.sync()


def _write_new_slowly(place: Place, content: bytes, mode: int, uid: int, gid: int) -> None:
    """Do the same where the file system has no nameless files."""
    with Temporary(place) as temporary:
        temporary.fill(content, mode, uid, gid)
        names = {"src_dir_fd": place.fd, "dst_dir_fd": place.fd}
        os.link(temporary.name, place.name, follow_symlinks=False, **names)
    place.sync()
