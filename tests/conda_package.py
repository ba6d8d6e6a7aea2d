"""Small conda packages: `.conda` (and the older `.tar.bz2`), the same bytes each time, from the standard library only.

A `.conda` file is a zip, stored, of `metadata.json` and two zstd-compressed tars. Source: conda's CEP 35.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.conda_server import zstd

TIMESTAMP = 1_790_000_000_000
"""When every package says it was built, in ms."""
PLACEHOLDER = "/opt/placeholder" + "_placeholder" * 20
"""What stands for the prefix in the files of a package, as long as conda-build makes it."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """A symbolic link in a package."""

    target: str


Content = bytes | str | Link


@dataclass(frozen=True, kw_only=True)
class Package:
    """A conda package; `files` by path from the prefix (`site-packages/…` for `noarch="python"`); those in `bin/` can be run."""

    name: str
    version: str
    build: str = "0"
    number: int = 0
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    files: Mapping[str, Content] = field(default_factory=dict)
    noarch: str = ""
    """`python`, `generic`, or empty: of linux-64."""
    entry_points: tuple[str, ...] = ()
    site_packages: str = ""
    """Of a Python: where pure packages go, from the prefix."""
    old: bool = False
    """As `.tar.bz2`."""

    @property
    def subdir(self) -> str:
        return "noarch" if self.noarch else "linux-64"

    @property
    def stem(self) -> str:
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def fn(self) -> str:
        return f"{self.stem}{'.tar.bz2' if self.old else '.conda'}"

    @property
    def index(self) -> dict[str, Any]:
        """Its `info/index.json`."""
        found: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": self.number,
            "depends": list(self.depends),
            "constrains": list(self.constrains),
            "license": "BSD-3-Clause",
            "subdir": self.subdir,
            "timestamp": TIMESTAMP,
            "arch": None if self.noarch else "x86_64",
            "platform": None if self.noarch else "linux",
        }
        if self.noarch:
            found["noarch"] = self.noarch
        if self.site_packages:
            found["python_site_packages_path"] = self.site_packages
        return found

    def packed(self) -> bytes:
        """Return the file's bytes."""
        info = {f"info/{name}": json.dumps(value, indent=1, sort_keys=True) for name, value in self._info().items()}
        info["info/files"] = "".join(f"{path}\n" for path in sorted(self.files))
        if self.old:
            return bz2.compress(_tar({**info, **self.files}))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for name, content in (
                ("metadata.json", b'{"conda_pkg_format_version": 2}'),
                (f"pkg-{self.stem}.tar.zst", zstd(_tar(self.files))),
                (f"info-{self.stem}.tar.zst", zstd(_tar(info))),
            ):
                archive.writestr(zipfile.ZipInfo(name), content)
        return packed.getvalue()

    def _info(self) -> dict[str, Any]:
        paths = [_entry(path, content) for path, content in sorted(self.files.items())]
        info: dict[str, Any] = {
            "index.json": self.index,
            "paths.json": {"paths": paths, "paths_version": 1},
            "about.json": {"summary": "small"},
        }
        if self.noarch == "python":
            points = {"type": "python", "entry_points": list(self.entry_points)}
            info["link.json"] = {"noarch": points, "package_metadata_version": 1}
        return info


def record(package: Package, packed: bytes) -> dict[str, Any]:
    """Return what a channel's index says of the package whose file is `packed`."""
    return {
        **{key: value for key, value in package.index.items() if value is not None},
        "md5": hashlib.md5(packed).hexdigest(),  # noqa: S324 - the format's own
        "sha256": hashlib.sha256(packed).hexdigest(),
        "size": len(packed),
    }


def _bytes(content: bytes | str) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


def _entry(path: str, content: Content) -> dict[str, Any]:
    if isinstance(content, Link):
        # As conda-build does it: of a link to nowhere in the package, the sum of nothing.
        empty = hashlib.sha256(b"").hexdigest()
        return {"_path": path, "path_type": "softlink", "sha256": empty, "size_in_bytes": 0}
    data = _bytes(content)
    entry: dict[str, Any] = {
        "_path": path,
        "path_type": "hardlink",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_in_bytes": len(data),
    }
    if PLACEHOLDER.encode() in data:
        entry.update(prefix_placeholder=PLACEHOLDER, file_mode="binary" if b"\0" in data else "text")
    return entry


def _tar(files: Mapping[str, Content]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in sorted(files.items()):
            member = tarfile.TarInfo(path)
            member.mtime = TIMESTAMP // 1000
            if isinstance(content, Link):
                member.type, member.linkname, member.mode = tarfile.SYMTYPE, content.target, 0o777
                archive.addfile(member)
                continue
            data = _bytes(content)
            member.size, member.mode = len(data), 0o755 if path.startswith("bin/") else 0o644
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()
