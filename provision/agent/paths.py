"""Where a path leads, without ever following a link that somebody else could place.

A directory is *trusted* when root (or whoever runs the agent) owns it and all above it, and nobody else can write to
them, or only under a sticky bit. Trusted chains are judged once and used with plain calls; links in them are followed.
From the first directory that is not trusted, each component is opened on its own and no link is followed at all.
"""

from __future__ import annotations

import errno
import os
import stat
from types import TracebackType

from provision.errors import UnreadableError

_WALK = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MOST_LINKS = 40
"""As the kernel's own limit."""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def trusted_owners() -> frozenset[int]:
    """Return the user ids that cannot be used against us: root and ourselves."""
    return frozenset({0, os.geteuid()})


def unreadable(path: str, error: OSError) -> UnreadableError:
    """Return `error` as what a person can act on."""
    if error.errno in {errno.EACCES, errno.EPERM}:
        return UnreadableError(f"`{path}` cannot be read: permission denied", hint="run it again with `sudo`")
    if error.errno == errno.ELOOP:
        return UnreadableError(f"`{path}` is a symbolic link", hint=f"`ls -ld {path}` shows where it leads")
    return UnreadableError(f"`{path}` cannot be read: {(error.strerror or str(error)).lower()}")


def suspicious(info: os.stat_result, directory: os.stat_result, owners: frozenset[int]) -> str:
    """Return why a file in a directory that others can write to may not be theirs to offer, or an empty string."""
    if not stat.S_ISDIR(info.st_mode) and info.st_nlink > 1:
        return "has another hard link, in a directory that others can write to"
    if info.st_uid not in owners and info.st_uid != directory.st_uid:
        return "belongs to neither root nor the owner of its directory"
    return ""


def _check_regular(info: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise UnreadableError(f"`{path}` is not a regular file", hint=f"`ls -ld {path}` shows what it is")


class Place:
    """A name in an open directory; `private` when only a trusted owner can change that directory. Close it after use."""

    __slots__ = ("fd", "name", "path", "private")

    def __init__(self, fd: int, name: str, path: str, *, private: bool) -> None:
        self.fd = fd
        self.name = name
        self.path = path
        self.private = private

    def __enter__(self) -> Place:  # noqa: PYI034 - typing.Self needs Python 3.11
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self.fd)

    def lstat(self) -> os.stat_result | None:
        """Return what is there, without following a link; `None` when nothing is."""
        try:
            return os.stat(self.name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def suspect(self, info: os.stat_result) -> None:
        """Raise `UnreadableError` when `info`, of what is there, is not what the directory's owner may offer."""
        if not self.private:
            why = suspicious(info, os.fstat(self.fd), trusted_owners())
            if why:
                raise UnreadableError(f"`{self.path}` {why}", hint=f"`ls -ldi {self.path}`, then remove what should not be there")

    def open_file(self) -> int:
        """Return a descriptor of the regular file that is there; raises `OSError` or `UnreadableError`."""
        fd = os.open(self.name, _READ, dir_fd=self.fd)
        try:
            info = os.fstat(fd)
            _check_regular(info, self.path)
            self.suspect(info)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def sync(self) -> None:
        """Write the directory itself to disk."""
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.fd)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


class Paths:
    """Finds places below `root`; keeps its judgement of trusted directories until `forget`."""

    def __init__(self, root: str = "/") -> None:
        self._root = root.rstrip("/")
        self._owners = trusted_owners()
        self._private: dict[str, bool] = {"": True}
        self._trusted: dict[str, tuple[str, bool]] = {}

    def forget(self) -> None:
        """Drop what was judged, because the machine may have changed."""
        self._private = {"": True}
        self._trusted = {}

    def trusted(self, directory: str) -> tuple[str, bool] | None:
        """Return the real path of a trusted directory (with a final slash) and whether it is private; else `None`.

        Raises `FileNotFoundError`, `NotADirectoryError` and the like when it cannot be reached.
        """
        known = self._trusted.get(directory)
        if known is None:
            here, rest = self._descend(directory)
            if rest:
                return None
            known = self._trusted[directory] = (f"{self._root}{here}/", self._private[here])
        return known

    def place(self, path: str) -> Place:
        """Return the open place of `path`; raises `OSError` when its directory cannot be reached, `UnreadableError` at a link."""
        directory, _, name = path.rpartition("/")
        fd, private = self._open(directory)
        return Place(fd, name or ".", path, private=private)

    def open_file(self, path: str) -> int:
        """Return a descriptor of the regular file at `path`; raises as `Place.open_file` does."""
        directory, _, name = path.rpartition("/")
        known = self.trusted(directory)
        if known is None or not known[1]:
            with self.place(path) as place:
                return place.open_file()
        fd = os.open(known[0] + name, _READ)
        try:
            _check_regular(os.fstat(fd), path)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def names(self, path: str) -> list[str]:
        """Return the names in the directory at `path`."""
        fd, _ = self._open(path)
        try:
            readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
        finally:
            os.close(fd)
        try:
            return os.listdir(readable)
        finally:
            os.close(readable)

    def _descend(self, directory: str) -> tuple[str, list[str]]:
        """Return the deepest trusted directory on the way, and the components that are left."""
        todo = directory.split("/")[::-1]
        here, links = "", 0
        while todo:
            part = todo.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                here = here.rpartition("/")[0]
                continue
            below = f"{here}/{part}"
            if below not in self._private:
                info = os.lstat(self._root + below)
                if stat.S_ISLNK(info.st_mode) and self._private[here] and info.st_uid in self._owners:
                    links += 1
                    if links > _MOST_LINKS:
                        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), below)
                    target = os.readlink(self._root + below)
                    here = "" if target.startswith("/") else here
                    todo.extend(target.split("/")[::-1])
                    continue
                if not self._judge(info):
                    return here, [part, *todo[::-1]]
                self._private[below] = not info.st_mode & _OTHERS_WRITE
            here = below
        return here, []

    def _judge(self, info: os.stat_result) -> bool:
        """Return whether a directory in a trusted one is trusted too."""
        if not stat.S_ISDIR(info.st_mode) or info.st_uid not in self._owners:
            return False
        return not info.st_mode & _OTHERS_WRITE or bool(info.st_mode & stat.S_ISVTX)

    def _open(self, directory: str) -> tuple[int, bool]:
        """Return a descriptor of `directory` and whether it is private."""
        here, rest = self._descend(directory)
        fd = os.open(f"{self._root}{here}/", _WALK)
        if not rest:
            return fd, self._private[here]
        for part in rest:
            here = f"{here}/{part}"
            try:
                fd = self._enter(fd, part, here)
            except BaseException:
                os.close(fd)
                raise
        info = os.fstat(fd)
        return fd, info.st_uid in self._owners and not info.st_mode & _OTHERS_WRITE

    @staticmethod
    def _enter(fd: int, part: str, path: str) -> int:
        """Return a descriptor of the directory `part` in `fd`, which is closed; never through a link, never upwards."""
        if part == "..":
            raise UnreadableError(f"`{path}` leads upwards out of a directory that others can write to")
        try:
            below = os.open(part or ".", _WALK, dir_fd=fd)
        except NotADirectoryError:
            if stat.S_ISLNK(os.stat(part, dir_fd=fd, follow_symlinks=False).st_mode):
                raise UnreadableError(
                    f"`{path}` is a symbolic link that its owner can point anywhere, so it is not followed",
                    hint="put a directory there, or name the path it leads to",
                ) from None
            raise
        os.close(fd)
        return below
