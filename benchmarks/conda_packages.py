"""Sixty packages of the size and shape of a scientific environment: 12,000 files, 200 MB."""

from __future__ import annotations

import random

from tests.conda_channel import STAND_INS
from tests.conda_package import PLACEHOLDER, Content, Package

COUNT, FILES, BYTES = 60, 12_000, 200_000_000
"""Of all packages together; the first have most, as a Python, a numpy and a compiler's libraries have."""
_OWN, _PYTHON = ("libzed", "tzdata", "zed"), ("python", "3.12.12")
_WITH_PREFIX = 40
"""One file in so many has the prefix in it, and is written anew instead of linked."""


def packages() -> tuple[Package, ...]:
    """Return the packages: each depends on one before it, a third are noarch."""
    chance = random.Random(60)  # noqa: S311 - the same bytes each time, which is the point
    own = tuple(package for package in STAND_INS if package.name in _OWN or (package.name, package.version) == _PYTHON)
    shares = [1 / (n + 3) for n in range(COUNT - len(own))]
    made = []
    for n, share in enumerate(shares):
        part = share / sum(shares)
        made.append(_package(chance, n, files=max(3, int(FILES * part)), size=int(BYTES * part)))
    return (*own, *made)


def _package(chance: random.Random, number: int, *, files: int, size: int) -> Package:
    pure = number % 3 == 2
    name = f"part{number:02}"
    top = f"site-packages/{name}" if pure else f"lib/python3.12/site-packages/{name}"
    content: dict[str, Content] = {f"{top}/__init__.py": f"PART = {number}\n"}
    for n in range(files - 1):
        # As compressible as code is, about: half of it is chance.
        noise = chance.randbytes(size // files // 2)
        text = noise + b"\0" * len(noise)
        content[f"{top}/data/{n:04}.bin"] = PLACEHOLDER.encode() + b"\0" + text if n % _WITH_PREFIX == 0 and not pure else text
    depends = ("python >=3.12,<3.13.0a0", *((f"part{number // 2:02} >=1.0",) if number else ()))
    return Package(name=name, version="1.0", build="0", depends=depends, files=content, noarch="python" if pure else "")
