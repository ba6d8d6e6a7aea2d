"""rattler: a library that the machine's own Python imports, fetched by pip."""

from __future__ import annotations

import posixpath

from provision.agent.host import Reader
from provision.agent.pip_tool import Kind, PipToolProvider, Tool

_PYTHON = "/usr/bin/python3"
_SIZE = 26_000_000
"""Bytes of the wheel, about."""


def _runs(want: Tool, host: Reader) -> bool:
    """Return whether the library is where the machine's Python of today looks for it: after an upgrade it is not."""
    there = host.lstat(_PYTHON)
    target = host.readlink(_PYTHON) if there is not None and there.kind == "link" else ""
    minor = posixpath.basename(target or "")
    library = host.lstat(f"{want.directory}/lib/{minor}/site-packages/rattler/rattler.abi3.so")
    python = host.lstat(f"{want.directory}/bin/python")
    return python is not None and library is not None and library.kind == "file" and library.size > 0


provider = PipToolProvider(Kind(name="rattler", distribution="py-rattler", size=_SIZE, runs=_runs))
