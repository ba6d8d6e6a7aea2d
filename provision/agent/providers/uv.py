"""uv: fetched by pip, bound to its hashes, into a directory that is complete once its record is written.

pip comes from `python3-venv` (`ensurepip`'s bundled wheel): 3 MB installed, where `python3-pip` takes 10, recommends a
compiler, and puts a `pip` on everyone's PATH that the distribution then forbids to use.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent.host import Reader
from provision.agent.provider import Pending
from provision.agent.steps import MakeDirectory, RemoveTree, Run, Step, Write
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, differs, same
from provision.resources.uv import Uv

_EXECUTABLE = 0o111
_SIZE = 18_000_000
"""Bytes of the wheel, about: it differs by 5 % between platforms."""


@dataclass(frozen=True, kw_only=True)
class Have:
    """What is at the directory: `kind` as `lstat` says (empty for nothing), and whether it is complete."""

    kind: str
    complete: bool
    parent: bool


def _record(want: Uv) -> bytes:
    return json.dumps({"schema": 1, "uv": want.version, "hashes": sorted(want.hashes)}).encode() + b"\n"


class UvProvider:
    """See `Uv`."""

    def observe(self, want: Uv, host: Reader) -> Have:
        there = host.lstat(want.directory)
        if there is None or there.kind != "directory":
            parent = host.lstat(posixpath.dirname(want.directory)) is not None
            return Have(kind="" if there is None else there.kind, complete=False, parent=parent)
        program = host.lstat(want.program)
        runs = program is not None and program.kind == "file" and bool(program.mode & _EXECUTABLE) and program.size > 0
        recorded = runs and host.read(f"{want.directory}/provision.json", limit=1 << 16) == _record(want)
        return Have(kind="directory", complete=recorded, parent=True)

    def diff(self, want: Uv, have: Have, pending: Pending) -> Diff:  # noqa: ARG002 - the contract's signature
        if have.complete:
            return same(f"uv {want.version} is at {want.program}")
        if have.kind not in {"", "directory"}:
            raise ProvisionError(
                f"`{want.directory}` is a {have.kind}, where uv is to be", hint=f"look at it, then `sudo rm {want.directory}`"
            )
        before = "half-made" if have.kind else "absent"
        return differs(Change(field="uv", before=before, after=want.version), download_bytes=_SIZE, seconds=8.0)

    def steps(self, want: Uv, have: Have) -> Iterator[Step]:
        if have.complete:
            return
        directory = want.directory
        if have.kind:
            yield RemoveTree(path=directory)
        if not have.parent:
            yield MakeDirectory(path=posixpath.dirname(directory), mode=0o755, owner="root", group="root")
        yield MakeDirectory(path=directory, mode=0o755, owner="root", group="root")
        hashes = "".join(f" --hash=sha256:{digest}" for digest in want.hashes)
        asked = f"{directory}/requirements.txt"
        yield Write(path=asked, content=f"uv=={want.version}{hashes}\n".encode(), mode=0o644, owner="root", group="root")
        yield Run(argv=("/usr/bin/python3", "-m", "venv", directory), says="preparing pip", timeout=300)
        pip = (f"{directory}/bin/python", "-m", "pip", "--disable-pip-version-check", "--no-input", "--no-cache-dir")
        install = ("install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "-r", asked)
        yield Run(argv=(*pip, *install), says=f"downloading uv {want.version}", environment=want.settings, timeout=900)
        yield Write(path=f"{directory}/provision.json", content=_record(want), mode=0o644, owner="root", group="root")


provider = UvProvider()
