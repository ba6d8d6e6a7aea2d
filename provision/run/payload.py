"""The agent as it travels: one compressed Python text that carries its modules as strings and imports them from memory."""

from __future__ import annotations

import base64
import functools
import zlib
from pathlib import Path

import provision

_HOME = Path(provision.__file__).parent

SHIPPED = (
    "__init__.py",
    "errors.py",
    "resources",
    "plan",
    "checks",
    "facts",
    "catalog/__init__.py",
    "catalog/model.py",
    "agent",
)
"""What of `provision/` the agent is made of."""

_LOADER = """
import sys
from _frozen_importlib import ModuleSpec
class Memory:
    def find_spec(self, name, path=None, target=None):
        if name in SOURCES:
            return ModuleSpec(name, self, origin="<agent>", is_package=SOURCES[name][0])
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(compile(SOURCES[module.__name__][1], "<agent>/" + module.__name__, "exec", dont_inherit=True), module.__dict__)
sys.meta_path.insert(0, Memory())
if ENTRY == "session":
    from provision.agent.session import main
    main(LOGIN, AGENT)
elif ENTRY == "executor":
    from provision.agent.executor import main
    main(sys.argv[1])
"""


def _module(path: Path) -> tuple[str, bool]:
    parts = ("provision", *path.relative_to(_HOME).with_suffix("").parts)
    package = parts[-1] == "__init__"
    return ".".join(parts[:-1] if package else parts), package


def sources() -> dict[str, tuple[bool, str]]:
    """Return the agent's modules by name: whether each is a package, and its text."""
    paths = [path for item in SHIPPED for path in (sorted((_HOME / item).rglob("*.py")) if "." not in item else [_HOME / item])]
    found = {name: (package, path.read_text()) for path in paths for name, package in [_module(path)]}
    import distro.distro  # noqa: PLC0415 - only its path is wanted, and only here

    found["distro"] = (False, Path(distro.distro.__file__).read_text())
    return found


@functools.cache
def agent() -> bytes:
    """Return the compressed agent; at most 64 KiB (a test holds it to that)."""
    text = f"SOURCES = {sources()!r}\n{_LOADER}"
    return zlib.compress(text.encode(), 6)


@functools.cache
def stage1() -> bytes:
    """Return stage 1 as one line of base64, ended by a newline."""
    text = (_HOME / "agent" / "stage1.py").read_bytes()
    return base64.b64encode(zlib.compress(text, 6)) + b"\n"


COMMAND = (
    "/usr/bin/python3 -ISc 'import os,zlib,base64;"
    'exec(zlib.decompress(base64.b64decode(b"".join(iter(lambda:os.read(0,1)or b"\\n",b"\\n")))))\''
)
"""What the login shell runs: read one line byte by byte, so that what follows stays on stdin, and execute it."""
