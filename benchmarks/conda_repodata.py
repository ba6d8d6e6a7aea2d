"""A channel's index of the size and shape of conda-forge's: names, versions, builds, with dependencies that a solver can meet.

    python -m benchmarks.conda_repodata FOLDER [--records 500000]

A package depends only on those before it: a few libraries that much is built against, and its neighbours; older versions
depend on more and on others than newer ones do, and its bounds exclude versions, so that a solver has to choose. How much a
request draws in is after rattler's own tests with an index of conda-forge of some years ago, where `jupyterlab` with
`detectron2` draws in 21,732 records and `rubin-env` 45,060 (`sparse/mod.rs` of `rattler_repodata_gateway`): here, 10 % of all.
The packages themselves do not exist.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RECORDS = 500_000
BUILDS, VERSIONS = 4, (5, 35)
"""Builds of a version (Pythons, mostly), and versions of a name."""
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
_CORE, _CLUSTER = 400, 60
"""Names that much is built against, and how many neighbours form a field of their own."""
_TIMESTAMP = 1_600_000_000_000


def request() -> list[str]:
    """Return a request for an environment of some 60 packages, as a person with five fields of interest makes it."""
    wanted = [
        _name(_CORE + field * _CLUSTER + n) for field in (3, 17, 29, 42, 60) for n in (_CLUSTER - 1, _CLUSTER - 2, _CLUSTER - 3)
    ]
    return ["python 3.12.*", *wanted]


def _name(number: int) -> str:
    return f"lib{number:05}" if number % 3 else f"py-package-{number:05}"


def records(count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield `count` records by their file names, the same ones each time."""
    chance = random.Random(500)  # noqa: S311 - the same index each time, which is the point
    last: list[int] = []
    made = 0
    for version in PYTHONS:
        yield _record(chance, "python", version=f"{version}.1", build="h_0_cpython", number=0, depends=[f"{_name(1)} >=1.0"])
        made += 1
    while True:
        number, versions = len(last), chance.randint(*VERSIONS)
        now, before = _needs(chance, number)
        for minor in range(versions):
            wanted = now if minor * 3 >= versions else now | before
            depends = [f"{_name(n)} >=1.{max(0, last[n] * minor // versions - 2)},<2.0a0" for n in sorted(wanted)]
            for build, python in enumerate(PYTHONS):
                own = f"python >={python},<3.{11 + build}.0a0" if number % 3 == 0 else "__glibc >=2.17,<3.0.a0"
                name = f"py3{10 + build}h{chance.getrandbits(28):07x}_{build}"
                yield _record(chance, _name(number), version=f"1.{minor}", build=name, number=build, depends=[*depends, own])
                made += 1
                if made == count:
                    return
        last.append(versions - 1)


def _needs(chance: random.Random, number: int) -> tuple[set[int], set[int]]:
    """Return what newer versions of a package need, and what older ones need besides."""
    core = min(number, _CORE)
    # The first are those of which most is built: zlib, openssl, the C++ library.
    now = {int(core * chance.random() ** 3) for _ in range(chance.randint(0, 2))} if core else set()
    before = {chance.randrange(core) for _ in range(chance.randint(3, 7))} if core else set()
    begins = number - (number - _CORE) % _CLUSTER
    if number > max(begins, _CORE):
        now |= {chance.randrange(max(begins, _CORE), number)}
        before |= {chance.randrange(max(begins, _CORE), number) for _ in range(3)}
    return now, before - now


def _record(
    chance: random.Random, name: str, *, version: str, build: str, number: int, depends: list[str]
) -> tuple[str, dict[str, Any]]:
    seed = f"{name}-{version}-{build}".encode()
    return f"{seed.decode()}.conda", {
        "build": build,
        "build_number": number,
        "constrains": [],
        "depends": depends,
        "license": "BSD-3-Clause",
        "md5": hashlib.md5(seed).hexdigest(),  # noqa: S324 - the format's own
        "name": name,
        "sha256": hashlib.sha256(seed).hexdigest(),
        "size": chance.randint(10_000, 50_000_000),
        "subdir": "linux-64",
        "timestamp": _TIMESTAMP + chance.getrandbits(38),
        "version": version,
    }


def write(folder: Path, count: int = RECORDS) -> int:
    """Write the channel's two indexes (`.json.zst` and `.json`) into `folder`; return the bytes of the large one."""
    from backports import zstd  # noqa: PLC0415 - of the development tools

    size = 0
    for subdir, many in (("linux-64", count), ("noarch", 0)):
        (folder / subdir).mkdir(parents=True, exist_ok=True)
        plain = folder / subdir / "repodata.json"
        with plain.open("w") as out:
            out.write(json.dumps({"info": {"subdir": subdir}})[:-1] + ', "packages": {}, "packages.conda": {')
            comma = ""
            for name, record in records(many) if many else ():
                out.write(f"{comma}{json.dumps(name)}: {json.dumps(record, separators=(',', ':'))}")
                comma = ",\n"
            out.write('}, "removed": [], "repodata_version": 1}')
        size = max(size, plain.stat().st_size)
        with plain.open("rb") as source, zstd.open(f"{plain}.zst", "wb", level=3) as packed:
            while chunk := source.read(1 << 20):
                packed.write(chunk)
    return size


def main() -> None:
    """Write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conda_repodata")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=RECORDS)
    given = parser.parse_args()
    print(f"{write(given.folder, given.records) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
