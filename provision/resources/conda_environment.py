"""A conda environment made by rattler, exactly as a lock says, with pip packages from uv on top."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from provision.errors import InputError
from provision.resources.base import Resource, check_name, check_path, check_setting, check_word
from provision.resources.uv_environment import check_indexes

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class CondaEnvironment(Resource):
    """An environment at `path` with `specs` (conda MatchSpecs) and `pip` (PEP 508), owned by `owner`.

    `python` is the interpreter that has rattler, `program` the path of our conda program, `uv` that of uv (empty where
    `pip` is). `channels` are (name, URL) in their order, an empty URL: rattler's own for that name. `virtual` are the
    (name, version) of what the machine has besides packages, after its pending reboot: `("__cuda", "13.2")`,
    `("__archspec", "x86_64_v3")`. `lock` is the text of a conda lock (`provision.agent.conda_lock`), `pip_lock` that of
    requirements with hashes; empty means: solve on the machine in `apply`, and report the lock. `indexes` are, for names in
    `pip`, what they are in `UvEnvironment`. `settings` are environment variables for rattler and uv that hold no credentials.
    `cache` is where packages are kept for all environments of an owner; empty: `~/.cache/provision/conda`, for root
    `/var/cache/provision/conda`.
    """

    kind = "conda_environment"
    name: str
    path: str
    owner: str
    python: str
    program: str
    specs: tuple[str, ...]
    channels: tuple[tuple[str, str], ...]
    subdir: str = "linux-64"
    virtual: tuple[tuple[str, str], ...] = ()
    lock: str = ""
    pip: tuple[str, ...] = ()
    pip_lock: str = ""
    pip_constraints: tuple[str, ...] = ()
    indexes: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    uv: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    cache: str = ""

    def __post_init__(self) -> None:
        check_word(self.name, "environment name", r"[a-z0-9][a-z0-9._-]{0,63}")
        check_path(self.path)
        check_path(self.python, "python")
        check_path(self.program, "program")
        check_name(self.owner, "owner")
        check_word(self.subdir, "subdir", r"[a-z0-9]+-[a-z0-9_]+")
        for path, field in ((self.uv, "uv"), (self.cache, "cache")):
            if path:
                check_path(path, field)
        if not self.specs or not self.channels:
            raise InputError(f"environment {self.name}: a conda environment needs packages and a channel to take them from")
        if self.pip and not self.uv:
            raise InputError(f"environment {self.name}: its pip packages need uv")
        self._check_words()

    def _check_words(self) -> None:
        for spec in self.specs:
            if not spec.strip() or spec.startswith("-") or "://" in spec or _CONTROL.search(spec):
                raise InputError(f"environment {self.name}: not a conda package: {spec!r}")
        for requirement in (*self.pip, *self.pip_constraints):
            if not requirement or requirement.startswith("-") or "\n" in requirement:
                raise InputError(f"environment {self.name}: not a requirement: {requirement!r}")
        for name, url in self.channels:
            check_word(name, "channel", r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
            if url:
                check_word(url, f"address of channel `{name}`", r"(https?|file)://[^\s\x00-\x1f\x7f@]+")
        for name, version in self.virtual:
            check_word(name, "virtual package", r"__[a-z0-9_]+")
            check_word(version, f"version of `{name}`", r"[A-Za-z0-9._]+")
        for name, value in self.settings:
            check_setting(name, value)
        check_indexes(self.indexes)

    @property
    def identity(self) -> str:
        return self.name

    @property
    def request(self) -> str:
        """A fingerprint of what was asked of the channels; a lock solved for another request is stale."""
        return _fingerprint([sorted(self.specs), [name for name, _ in self.channels], self.subdir])

    @property
    def pip_request(self) -> str:
        """The same for the pip packages, which are solved on top of the others."""
        indexes = sorted([name, sorted(packages)] for name, _url, packages in self.indexes)
        return _fingerprint([sorted(self.pip), sorted(self.pip_constraints), indexes, self.request])

    @property
    def claims(self) -> tuple[str, ...]:
        return (self.key, f"path:{self.path}")


def _fingerprint(asked: list[Any]) -> str:
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]
