"""A box's disk: a layer on a cached root, with the few files that make it this box."""

from __future__ import annotations

import functools
import os
import secrets
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from provision.box.command import run
from provision.box.inherit import Text


@dataclass(frozen=True, kw_only=True)
class Disk:
    """Where a box's root will be mounted (`at`), and with which overlay options; no options: a plain copy."""

    root: Path
    folder: Path
    overlay: bool

    @property
    def at(self) -> Path:
        """The folder that becomes the box's `/`."""
        return self.folder / ("merged" if self.overlay else "copy")

    @property
    def options(self) -> str:
        """The overlay's mount options; empty for a copy."""
        if not self.overlay:
            return ""
        lower, upper, work = (_escaped(path) for path in (self.root, self.folder / "upper", self.folder / "work"))
        return f"lowerdir={lower},upperdir={upper},workdir={work}"

    def write(self, file: Text) -> None:
        """Put `file` into the box before it boots, owned by root; folders get the mode and owner they have in the root."""
        top = self.folder / ("upper" if self.overlay else "copy")
        inner = PurePosixPath(file.path).relative_to("/")
        for parent in reversed(inner.parents):
            self._folder(top, parent)
        target = top / inner
        target.unlink(missing_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            os.fchmod(descriptor, file.mode)
            opened.write(file.text)

    def own(self, path: str, user: int) -> None:
        """Give `path`, written before, and its folder to the uid and gid `user`."""
        target = self.folder / ("upper" if self.overlay else "copy") / path.lstrip("/")
        for each in (target, target.parent):
            os.chown(each, user, user)

    def _folder(self, top: Path, inner: PurePosixPath) -> None:
        target, model = top / inner, self.root / inner
        if target.is_dir():
            return
        target.mkdir()
        if model.is_dir():
            like = model.stat()
            target.chmod(stat.S_IMODE(like.st_mode))
            os.chown(target, like.st_uid, like.st_gid)
        else:
            target.chmod(0o700 if inner.name == ".ssh" else 0o755)


def make(root: Path, folder: Path) -> Disk:
    """Return a fresh disk in `folder`, which must not exist: a layer, or a copy where overlays cannot be mounted."""
    folder.mkdir(parents=True, mode=0o700)
    disk = Disk(root=root, folder=folder, overlay=_overlay_works(folder.parent))
    if disk.overlay:
        for name in ("upper", "work", "merged"):
            (folder / name).mkdir(mode=0o755)
        (folder / "upper").chmod(0o755)
    else:
        run(["cp", "--archive", "--reflink=auto", root, disk.at], timeout=600)
    return disk


def identity() -> str:
    """Return the text of a new machine-id."""
    return secrets.token_hex(16) + "\n"


@functools.cache
def _overlay_works(folder: Path) -> bool:
    with tempfile.TemporaryDirectory(dir=folder, prefix=".overlay-") as scratch:
        for name in ("lower", "upper", "work", "merged"):
            (Path(scratch) / name).mkdir()
        lower, upper, work, merged = (_escaped(Path(scratch) / name) for name in ("lower", "upper", "work", "merged"))
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        argv = ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", options, f"{scratch}/merged"]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        # The kernel leaves its working folder without permissions.
        shutil.rmtree(f"{scratch}/work", ignore_errors=True)
        return done.returncode == 0 and bool(merged)


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace(",", "\\,").replace(":", "\\:")
