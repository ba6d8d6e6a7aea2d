"""A conda channel of stand-ins: two Pythons, noarch and linux-64, builds gated by `__cuda`, versions to move between.

The Pythons are the machine's own under another number: `bin/python` leads to `/usr/bin/python3`, and `pyvenv.cfg` makes the
prefix its `sys.prefix`. So pure packages, entry points, uv and Jupyter work in such an environment; only `sys.version` tells.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conda_package import PLACEHOLDER, Content, Link, Package, record
from tests.conda_server import Fault, Server, serving, zstd

SUBDIRS = ("linux-64", "noarch")
PYTHONS = ("3.11.8", "3.11.14", "3.12.7", "3.12.12", "3.13.9")
BULK = 4 << 20
"""Bytes of the one big package, `bulk`."""
_MINORS = range(10, 15)

CONDA = """#!/bin/sh
# A stand-in: `conda list` and `conda --version` for the prefix that is active, else its own.
case "$1" in
--version) echo "conda 26.9.0" ;;
info) echo '{"root_prefix": "'@PREFIX@'", "conda_version": "26.9.0"}' ;;
list) ls "${CONDA_PREFIX:-@PREFIX@}/conda-meta" | sed -n 's/\\.json$//p' ;;
*) echo "conda: a stand-in knows no $1" >&2; exit 2 ;;
esac
"""
PROFILE_D = """# A stand-in of conda's own.
export CONDA_EXE='@PREFIX@/bin/conda'
conda() {
  if [ "$1" = activate ]; then
    CONDA_PREFIX="${2:-@PREFIX@}"; PATH="$CONDA_PREFIX/bin:$PATH"; export CONDA_PREFIX PATH
  else
    "$CONDA_EXE" "$@"
  fi
}
"""


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A channel in a folder, and what is in it."""

    path: Path
    packages: tuple[Package, ...]

    def find(self, name: str, version: str = "", build: str = "") -> Package:
        """Return the one package of this name, version and build, where those are given; the last of several."""
        return [
            package
            for package in self.packages
            if package.name == name and version in {"", package.version} and build in {"", package.build}
        ][-1]

    def record(self, package: Package) -> dict[str, Any]:
        """Return what the index says of a package."""
        index = json.loads((self.path / package.subdir / "repodata.json").read_bytes())
        found: dict[str, Any] = {**index["packages"], **index["packages.conda"]}[package.fn]
        return found


def python(version: str) -> Package:
    """Return a Python that is the machine's own under another number."""
    minor = version.rpartition(".")[0]
    home = f"lib/python{minor}"
    files: dict[str, Content] = {
        "bin/python": Link(target=f"python{minor}"),
        "bin/python3": Link(target=f"python{minor}"),
        f"bin/python{minor}": Link(target="/usr/bin/python3"),
        "pyvenv.cfg": "home = /usr/bin\ninclude-system-site-packages = false\n",
        f"{home}/site-packages/README.txt": "Packages go here.\n",
        # Whichever the machine's Python is, it finds what is put where this one's would look.
        **{f"lib/python3.{other}": Link(target=f"python{minor}") for other in _MINORS if f"3.{other}" != minor},
    }
    depends = ("__glibc >=2.17,<3.0.a0", "libzed >=1.3.1,<2.0a0", "tzdata")
    build = f"h{hashlib.sha256(version.encode()).hexdigest()[:7]}_0_cpython"
    return Package(
        name="python", version=version, build=build, depends=depends, files=files, site_packages=f"{home}/site-packages"
    )


def pure(
    name: str, version: str, *, depends: tuple[str, ...] = (), entry: str = "", modules: Mapping[str, str] | None = None
) -> Package:
    """Return a noarch Python package, with a module of its name and what a wheel of it would leave behind."""
    info = f"site-packages/{name}-{version}.dist-info"
    files: dict[str, Content] = {
        f"site-packages/{name}/__init__.py": f'__version__ = "{version}"\n\n\ndef main():\n    print("{name} {version}")\n',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/INSTALLER": "conda\n",
        **{f"site-packages/{path}": text for path, text in (modules or {}).items()},
    }
    return Package(
        name=name,
        version=version,
        build="pyhd8ed1ab_0",
        depends=("python >=3.10", *depends),
        files=files,
        noarch="python",
        entry_points=(entry,) if entry else (),
    )


def library(
    name: str, version: str, *, build: str = "0", number: int = 0, depends: tuple[str, ...] = (), old: bool = False
) -> Package:
    """Return a linux-64 library: a binary file and a text file with the prefix in it."""
    text = f"{name} {version} {build}"
    files: dict[str, Content] = {
        f"lib/lib{name}.so.{version}": b"\x7fELF\0" + PLACEHOLDER.encode() + b"/lib\0" + text.encode() + b"\0" * 64,
        f"lib/lib{name}.so": Link(target=f"lib{name}.so.{version}"),
        f"share/{name}/where.txt": f"{PLACEHOLDER}\n",
        f"share/{name}/version.txt": f"{text}\n",
    }
    return Package(name=name, version=version, build=build, number=number, depends=depends, files=files, old=old)


def _bulk() -> Package:
    chance = random.Random(4)  # noqa: S311 - the same bytes each time, which is the point
    files: dict[str, Content] = {f"share/bulk/{n:03}": chance.randbytes(BULK // 64) for n in range(64)}
    return Package(name="bulk", version="1.0", files=files)


def _tool(name: str, version: str, text: str, files: Mapping[str, Content] | None = None) -> Package:
    script = text.replace("@PREFIX@", PLACEHOLDER)
    own: dict[str, Content] = {f"bin/{name}": script, **(files or {})}
    return Package(name=name, version=version, depends=("python >=3.10",), files=own)


STAND_INS: tuple[Package, ...] = (
    *(python(version) for version in PYTHONS),
    library("zed", "1.3.1"),
    Package(name="libzed", version="1.3.1", depends=("zed ==1.3.1",), files={"share/libzed/note": "zed\n"}),
    Package(name="tzdata", version="2026b", build="h_0", noarch="generic", files={"share/zoneinfo/UTC": b"TZif2\0"}),
    library("alpha", "1.0"),
    library("alpha", "1.1"),
    library("beta", "2.0", depends=("alpha >=1.0,<2",)),
    library("gamma", "3.0", depends=("alpha >=9",)),  # nothing satisfies it
    library("antique", "0.9", old=True),
    pure("hello", "1.0.0", entry="hello = hello:main"),
    pure("hello", "1.1.0", entry="hello = hello:main"),
    pure("pip", "26.2", entry="pip = pip:main"),
    # Without a module of that name: where a kernel is to run, pip brings the real one.
    Package(name="ipykernel", version="7.2.0", depends=("hello",), files={"share/ipykernel/note": "\n"}, noarch="generic"),
    _tool("conda", "26.9.0", CONDA, {"etc/profile.d/conda.sh": PROFILE_D.replace("@PREFIX@", PLACEHOLDER)}),
    _tool("mamba", "2.9.0", '#!/bin/sh\necho "mamba 2.9.0, a stand-in"\n'),
    # As conda-forge does it: the build with CUDA wins where there is a `__cuda`, by its build number.
    library("cudart", "13.0.88", depends=("__cuda >=13",)),
    library("tensor", "2.11.0", build="cpu_0", number=0, depends=("__glibc >=2.28,<3.0.a0",)),
    library("tensor", "2.11.0", build="cuda130_200", number=200, depends=("__cuda >=13.0", "cudart >=13,<14.0a0")),
    library("fast", "1.0", build="any_0"),
    library("fast", "1.0", build="v3_100", number=100, depends=("__archspec 1.* x86_64_v3",)),
    library("modern", "1.0", depends=("__glibc >=2.99",)),
    _bulk(),
)


def build_channel(folder: Path, packages: Sequence[Package] = STAND_INS) -> Channel:
    """Return the channel in `folder`, made there unless it is there already with the same packages."""
    digest = hashlib.sha256("\n".join(repr(package) for package in packages).encode()).hexdigest()
    target = folder / digest[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run on several workers
        if not (target / "noarch/repodata.json").is_file():
            half = target.with_suffix(".half")
            shutil.rmtree(half, ignore_errors=True)
            _write(half, packages)
            half.rename(target)
    return Channel(path=target, packages=tuple(packages))


def _write(folder: Path, packages: Sequence[Package]) -> None:
    for subdir in SUBDIRS:
        (folder / subdir).mkdir(parents=True)
        records: dict[str, dict[str, Any]] = {"packages": {}, "packages.conda": {}}
        for package in packages:
            if package.subdir == subdir:
                packed = package.packed()
                (folder / subdir / package.fn).write_bytes(packed)
                records["packages" if package.old else "packages.conda"][package.fn] = record(package, packed)
        index = json.dumps({"info": {"subdir": subdir}, **records, "repodata_version": 1}, sort_keys=True).encode()
        (folder / subdir / "repodata.json").write_bytes(index)
        (folder / subdir / "repodata.json.zst").write_bytes(zstd(index))


@contextmanager
def serve(channel: Channel, faults: Mapping[str, Fault] | None = None) -> Iterator[Server]:
    """Serve the channel on 127.0.0.1 until the block ends; the address is the server's `url`."""
    with serving(channel.path, faults) as server:
        yield server
