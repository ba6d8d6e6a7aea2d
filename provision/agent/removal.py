"""Removing whole directories: which never, and how without leaving them."""

from __future__ import annotations

import os
from collections.abc import Iterable

from provision.errors import StepError

_PEOPLE = ("home", "media", "mnt", "lost+found")
_SYSTEM = ("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "snap", "sys", "usr", "var")
_TWO_LEVELS = frozenset((*_PEOPLE, *_SYSTEM))
"""Directories whose children belong to the system, to people or to mounts."""
_NEVER = frozenset({"boot", "dev", "proc", "sys"})


def check_tree(path: str, homes: Iterable[str]) -> None:
    """Raise `StepError` when `path` can only be a mistake: a top-level, system or home directory, or one above such."""
    parts = path.split("/")[1:]
    shallow = len(parts) < (3 if parts[0] in _TWO_LEVELS else 2) or parts[0] in _NEVER
    odd = not path.startswith("/") or any(part in {"", ".", ".."} for part in parts)
    above = any(home == path or home.startswith(f"{path}/") for home in homes)
    if shallow or odd or above:
        raise StepError(f"`{path}` is not a directory that provision made, so it is not removed", hint=f"`ls -A {path}`")


def empty(fd: int, path: str, device: int) -> None:
    """Remove all that is in an open directory, never through a link and never into another file system."""
    for entry in list(os.scandir(fd)):
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.name, dir_fd=fd)
            continue
        below = os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        try:
            if os.fstat(below).st_dev != device:
                raise StepError(f"`{path}/{entry.name}` is a mount", hint=f"`umount {path}/{entry.name}`")
            empty(below, f"{path}/{entry.name}", device)
        finally:
            os.close(below)
        os.rmdir(entry.name, dir_fd=fd)
