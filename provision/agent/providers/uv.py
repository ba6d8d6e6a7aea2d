"""uv: a single program, fetched by pip."""

from __future__ import annotations

from provision.agent.host import Reader
from provision.agent.pip_tool import Kind, PipToolProvider, Tool

_EXECUTABLE = 0o111
_SIZE = 18_000_000
"""Bytes of the wheel, about: it differs by 5 % between platforms."""


def _runs(want: Tool, host: Reader) -> bool:
    program = host.lstat(f"{want.directory}/bin/uv")
    return program is not None and program.kind == "file" and bool(program.mode & _EXECUTABLE) and program.size > 0


provider = PipToolProvider(Kind(name="uv", distribution="uv", size=_SIZE, runs=_runs))
