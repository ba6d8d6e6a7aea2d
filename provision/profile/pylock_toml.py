"""A `pylock.toml` (PEP 751) as the lock of an environment: the same versions and hashes, without the addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provision.errors import InputError
from provision.profile.document import Document, decode, file_name, parse, read_bytes
from provision.profile.lock import Lock

LARGEST = 8 << 20
"""Bytes: some hundred packages with all their wheels are about 2 MiB."""
MOST_TOKENS = 1_000_000
_VERSION = re.compile(r"1(?:\.[0-9]{1,4})*")
_ELSEWHERE = ("vcs", "directory", "archive")
_HASH = re.compile(r"[0-9a-f]{64}")
_GROUPS = re.compile(r"\b(?:extras|dependency_groups)\b")
_NEEDED = "ipykernel"


def read_pylock(path: Path, hint: str) -> Lock:
    """Return the lock that `path` holds; raises `InputError` with file and line, and `hint` when it is not there."""
    name = file_name(path)
    document = parse(decode(read_bytes(path, LARGEST, hint), name), name, MOST_TOKENS)
    version, packages = document.data.get("lock-version"), document.data.get("packages")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise InputError(f"{document.where('lock-version')}: lock-version: must be `1.0` (PEP 751)", hint="is it a pylock.toml?")
    if not isinstance(packages, list) or not all(isinstance(package, dict) for package in packages):
        raise InputError(f"{document.where('packages')}: packages: must be a list of tables")
    texts = sorted(_requirement(package, document, index) for index, package in enumerate(packages))
    if not any(text.startswith(f"{_NEEDED}==") for text in texts):
        raise InputError(
            f"{name}: holds no `{_NEEDED}`, without which Jupyter has no kernel here", hint="add it, and make the lock anew"
        )
    lock = Lock(pip="".join(texts))
    lock.check_pip()
    return lock


def _requirement(package: dict[str, Any], document: Document, index: int) -> str:
    where = document.where("packages", index)
    name, version, marker = package.get("name"), package.get("version"), package.get("marker", "")
    if not isinstance(name, str) or not isinstance(marker, str):
        raise InputError(f"{where}: packages[{index}]: `name` and `marker` must be text")
    for key in _ELSEWHERE:
        if key in package:
            raise InputError(f"{where}: packages[{index}]: comes from a `{key}`, and not from a package index")
    if not isinstance(version, str):
        raise InputError(f"{where}: packages[{index}]: has no version")
    if _GROUPS.search(marker):
        raise InputError(
            f"{where}: packages[{index}]: is there for an extra or a group only", hint="make a lock of what is to be installed"
        )
    hashes = sorted(set(_hashes(package, where, index)))
    if not hashes:
        raise InputError(f"{where}: packages[{index}]: has no file with a sha256")
    pinned = f"{name}=={version}" + (f" ; {marker.strip()}" if marker.strip() else "")
    text = " \\\n".join((pinned, *(f"    --hash=sha256:{digest}" for digest in hashes))) + "\n"
    try:
        Lock(pip=text).check_pip()
    except InputError:
        raise InputError(f"{where}: packages[{index}]: its name, version or marker is not acceptable") from None
    return text


def _hashes(package: dict[str, Any], where: str, index: int) -> Iterator[str]:
    wheels, source = package.get("wheels", []), package.get("sdist")
    files = [*(wheels if isinstance(wheels, list) else [None]), *([] if source is None else [source])]
    for file in files:
        hashes = file.get("hashes") if isinstance(file, dict) else None
        digest = hashes.get("sha256") if isinstance(hashes, dict) else None
        if not isinstance(digest, str) or not _HASH.fullmatch(digest):
            raise InputError(f"{where}: packages[{index}]: has a file without a sha256")
        yield digest
