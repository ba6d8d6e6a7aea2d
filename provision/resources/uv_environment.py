"""A Python environment made by uv, exactly as a lock says."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource, check_name, check_path, check_setting, check_word


def check_indexes(indexes: tuple[tuple[str, str, tuple[str, ...]], ...]) -> None:
    """Raise `InputError` unless each index has a name, an address without credentials, and packages."""
    for name, url, packages in indexes:
        check_word(name, "index", r"[a-z0-9][a-z0-9.-]*")
        check_setting("INDEX", url)
        if not re.match(r"(https?|file)://", url):
            raise InputError(f"index {name}: not an address: {url!r}")
        for package in packages:
            check_word(package, "package", r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class UvEnvironment(Resource):
    """An environment at `path` with `requirements` (PEP 508), owned by `owner`.

    `lock` is the text of a requirements file with hashes; empty means: solve on the machine in `apply`, and report the
    lock. What is installed is compared by its records (`*.dist-info`) with the lock. `python` is `3.12` or empty for the
    machine's own. `constraints` limit the versions of what comes along. `indexes` are (name, address, packages): these
    packages, all of them asked for, come from that index and from nowhere else; the name stands for the index in what is asked
    for, the address may be any copy of it. `program` is the path of uv. `settings` are environment variables for uv
    (`UV_DEFAULT_INDEX`, `SSL_CERT_FILE`…) that hold no credentials: those stay in the machine's own files, where uv reads them.
    """

    kind = "uv_environment"
    name: str
    path: str
    program: str
    requirements: tuple[str, ...]
    owner: str
    python: str = ""
    lock: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    indexes: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    constraints: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_word(self.name, "environment name", r"[a-z0-9][a-z0-9._-]{0,63}")
        check_path(self.path)
        check_path(self.program, "program")
        check_name(self.owner, "owner")
        if self.python:
            check_word(self.python, "python", r"3\.[0-9]+(\.[0-9]+)?")
        for requirement in (*self.requirements, *self.constraints):
            if not requirement or requirement.startswith("-") or "\n" in requirement:
                raise InputError(f"environment {self.name}: not a requirement: {requirement!r}")
        for name, value in self.settings:
            check_setting(name, value)
        check_indexes(self.indexes)

    @property
    def identity(self) -> str:
        return self.name

    @property
    def request(self) -> str:
        """A fingerprint of what was asked for; a lock solved for another request is stale."""
        asked: list[object] = [sorted(self.requirements), self.python]
        if self.indexes or self.constraints:
            asked.append(sorted([name, sorted(packages)] for name, _url, packages in self.indexes))
            asked.append(sorted(self.constraints))
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]

    @property
    def claims(self) -> tuple[str, ...]:
        return (self.key, f"path:{self.path}")
