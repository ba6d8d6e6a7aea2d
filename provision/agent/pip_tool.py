"""Tools fetched by pip, bound to their hashes, each in a directory that is complete once its record is written.

pip comes from `python3-venv` (`ensurepip`'s bundled wheel): 3 MB installed, where `python3-pip` takes 10, recommends a
compiler, and puts a `pip` on everyone's PATH that the distribution then forbids to use.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from provision.agent.host import Reader
from provision.agent.provider import Pending
from provision.agent.steps import MakeDirectory, RemoveTree, Run, Step, Write
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, differs, same


class Tool(Protocol):
    """A resource that is a tool."""

    @property
    def version(self) -> str:
        """Which release."""

    @property
    def hashes(self) -> tuple[str, ...]:
        """The SHA-256 of the wheels that may be taken."""

    @property
    def settings(self) -> tuple[tuple[str, str], ...]:
        """Environment variables for pip."""

    @property
    def directory(self) -> str:
        """Where all of it lies."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What sets a tool apart: its name, what pip calls it, the bytes of its wheel, about, and how to see that it works."""

    name: str
    distribution: str
    size: int
    runs: Works


class Works(Protocol):
    """Looks whether the program of a tool is where it should be, and of use."""

    def __call__(self, want: Tool, host: Reader) -> bool:
        """Return whether it is."""


@dataclass(frozen=True, kw_only=True)
class Have:
    """What is at the directory: `kind` as `lstat` says (empty for nothing), and whether it is complete."""

    kind: str
    complete: bool
    parent: bool


class PipToolProvider:
    """See `Uv` and `Rattler`."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def _record(self, want: Tool) -> bytes:
        return json.dumps({"schema": 1, self._kind.name: want.version, "hashes": sorted(want.hashes)}).encode() + b"\n"

    def observe(self, want: Tool, host: Reader) -> Have:
        """Return what is there."""
        there = host.lstat(want.directory)
        if there is None or there.kind != "directory":
            parent = host.lstat(posixpath.dirname(want.directory)) is not None
            return Have(kind="" if there is None else there.kind, complete=False, parent=parent)
        runs = self._kind.runs(want, host)
        recorded = runs and host.read(f"{want.directory}/provision.json", limit=1 << 16) == self._record(want)
        return Have(kind="directory", complete=recorded, parent=True)

    def diff(self, want: Tool, have: Have, pending: Pending) -> Diff:  # noqa: ARG002 - the contract's signature
        """Return how it differs."""
        name = self._kind.name
        if have.complete:
            return same(f"{name} {want.version} is in {want.directory}")
        if have.kind not in {"", "directory"}:
            raise ProvisionError(
                f"`{want.directory}` is a {have.kind}, where {name} is to be",
                hint=f"look at it, then `sudo rm {want.directory}`",
            )
        before = "half-made" if have.kind else "absent"
        return differs(Change(field=name, before=before, after=want.version), download_bytes=self._kind.size, seconds=8.0)

    def steps(self, want: Tool, have: Have) -> Iterator[Step]:
        """Yield the steps to it."""
        if have.complete:
            return
        directory, called = want.directory, self._kind.distribution
        if have.kind:
            yield RemoveTree(path=directory)
        if not have.parent:
            yield MakeDirectory(path=posixpath.dirname(directory), mode=0o755, owner="root", group="root")
        yield MakeDirectory(path=directory, mode=0o755, owner="root", group="root")
        hashes = "".join(f" --hash=sha256:{digest}" for digest in want.hashes)
        asked = f"{directory}/requirements.txt"
        text = f"{called}=={want.version}{hashes}\n"
        yield Write(path=asked, content=text.encode(), mode=0o644, owner="root", group="root")
        yield Run(argv=("/usr/bin/python3", "-m", "venv", directory), says="preparing pip", timeout=300)
        pip = (f"{directory}/bin/python", "-m", "pip", "--disable-pip-version-check", "--no-input", "--no-cache-dir")
        install = ("install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "-r", asked)
        says = f"downloading {self._kind.name} {want.version}"
        yield Run(argv=(*pip, *install), says=says, environment=want.settings, timeout=900)
        yield Write(path=f"{directory}/provision.json", content=self._record(want), mode=0o644, owner="root", group="root")
