"""The files of a machine below a root, so that a recorded machine reads like this one."""

from __future__ import annotations

import os
import stat

LIMIT = 1 << 22
"""Bytes read of one file: far more than any of ours holds."""
_LOOK = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_CONTROLS = {code: None for code in range(32) if code not in (9, 10)} | {127: None}


class Tree:
    """The files below `root`. Absent, unreadable and not a regular file all read as empty: facts have defaults."""

    def __init__(self, root: str = "/") -> None:
        self.root = root.rstrip("/")
        self.live = not self.root
        """Whether this is the running machine, not a recorded one."""

    def bytes(self, path: str, limit: int = LIMIT) -> bytes:
        """Return the first `limit` bytes of a regular file; never blocks on a FIFO."""
        try:
            return _regular(os.open(self.root + path, _LOOK), limit)
        except (OSError, ValueError):
            return b""

    def text(self, path: str) -> str:
        """Return a file's text without control characters other than tab and newline."""
        return clean(self.bytes(path))

    def line(self, path: str) -> str:
        """Return the first line of a file, stripped."""
        return self.text(path).partition("\n")[0].strip()

    def number(self, path: str) -> int:
        """Return the whole number a file holds, 0 where there is none."""
        return number(self.line(path))

    def home_text(self, home: str, path: str, *, trusted: bool) -> str:
        """Return the text of `path` below a home; unless it is `trusted`, no symbolic link below the home is followed.

        So that root, which reads for a person, is never led to a device or to somebody else's file.
        """
        follow = 0 if trusted else os.O_NOFOLLOW
        parts = path.split("/")
        try:
            at = os.open(self.root + home, _LOOK | os.O_DIRECTORY)
            for part in parts[:-1]:
                above = at
                try:
                    at = os.open(part, _LOOK | os.O_DIRECTORY | follow, dir_fd=above)
                finally:
                    os.close(above)
            try:
                leaf = os.open(parts[-1], _LOOK | follow, dir_fd=at)
            finally:
                os.close(at)
            return clean(_regular(leaf, LIMIT))
        except (OSError, ValueError):
            return ""

    def names(self, path: str) -> list[str]:
        """Return the sorted names in a directory."""
        try:
            return sorted(os.listdir(self.root + path))
        except OSError:
            return []

    def link(self, path: str) -> str:
        """Return the target of a symbolic link as it is written."""
        try:
            return os.readlink(self.root + path)
        except OSError:
            return ""

    def exists(self, path: str) -> bool:
        """Return whether something is at `path` that we may see."""
        return os.access(self.root + path, os.F_OK)


def clean(data: bytes) -> str:
    """Return `data` as text that is safe to show: control characters dropped, bytes that are not UTF-8 replaced."""
    text = data.decode("utf-8", "replace")
    return text if text.isprintable() else text.translate(_CONTROLS)


def number(text: str, base: int = 10) -> int:
    """Return `text` as a whole number, 0 where it is none."""
    try:
        return int(text, base)
    except ValueError:
        return 0


def _regular(descriptor: int, limit: int) -> bytes:
    """Read and close `descriptor`; empty for anything else than a regular file."""
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            return b""
        size = max(1 << 16, info.st_size + 1)  # a large file in one piece: joining pieces takes as long as reading them
        parts = []
        while limit > 0 and (part := os.read(descriptor, min(limit, size))):
            parts.append(part)
            limit -= len(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)
