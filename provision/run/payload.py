"""The agent as it travels: one compressed Python text that carries its modules and imports them from memory.

What every session needs goes first; the modules of the resource kinds a catalog holds go with the catalog, those that
change a machine go with `go`. So the first piece stays small however many kinds there are.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import provision

_HOME = Path(provision.__file__).parent
_SHRINK = _HOME / "run" / "shrink.py"
_PARTS = ("__init__.py", "errors.py", "resources", "plan", "checks", "facts", "catalog/__init__.py", "catalog/model.py", "agent")
_KEPT = 3
"""Versions of the agent kept in the user's cache besides the newest: several checkouts may take turns."""
_SESSION = ("provision.agent.entry",)
_SOLVE = ("provision.agent.solving",)
_APPLY = ("provision.agent.executor", "provision.agent.writer")

Modules = dict[str, tuple[bool, str]]
"""Modules by name: whether each is a package, and its text."""

_LOADER = """
import marshal, sys, zlib
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER
class Memory:
    def __init__(self, sources, loader, version):
        self.sources, self.loader, self.version = sources, loader, version
        self.name = f"{version}-{MAGIC_NUMBER.hex()}"
        try:
            with open("/var/lib/provision/cache/" + self.name, "rb") as file:
                data = file.read()
        except OSError:
            data = b""
        sound = data[:4] == zlib.crc32(data[4:]).to_bytes(4, "big")
        self.kept = marshal.loads(data[4:]) if sound and data[4:] else {}
        self.made = {}
    def find_spec(self, name, path=None, target=None):
        if name in self.sources:
            return ModuleSpec(name, self, origin="<agent>", is_package=self.sources[name][0])
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        name = module.__name__
        exec(self.code(name, self.sources[name][1]), module.__dict__)
    def code(self, name, text):
        if name in self.kept:
            return marshal.loads(self.kept[name])
        code = compile(text, "<agent>/" + name.split("\\n")[0], "exec", dont_inherit=True)
        self.made[name] = marshal.dumps(code)
        return code
    def generated(self, text, *spaces, **more):
        exec(self.code(text, text), *spaces, **more)
    def add(self, packed):
        import base64, json
        self.sources.update(json.loads(zlib.decompress(base64.b64decode(packed))))
    def pack(self):
        names = f"SOURCES = {self.sources!r}\\nLOADER = {self.loader!r}\\nVERSION = {self.version!r}"
        return zlib.compress(f"{names}\\nexec(LOADER)".encode(), 1)
def postpone(name):
    class Postponed(type(sys)):
        def __getattr__(self, wanted):
            if wanted.startswith("__"):
                raise AttributeError(wanted)
            sys.modules.pop(name, None)
            return getattr(__import__(name), wanted)
    sys.modules[name] = Postponed(name)
postpone("inspect")
memory = Memory(SOURCES, LOADER, VERSION)
sys.meta_path.insert(0, memory)
import dataclasses
dataclasses.exec = memory.generated
if ENTRY == "session":
    from provision.agent.entry import main
    main(LOGIN)
elif ENTRY == "executor":
    from provision.agent.executor import main
    main(sys.argv[1])
"""

COMMAND = (
    "/usr/bin/python3 -ISc 'import os,zlib,binascii;"
    'exec(zlib.decompress(binascii.a2b_base64(b"".join(iter(lambda:os.read(0,1)or b"\\n",b"\\n")))))\''
)
"""What the login shell runs: read one line byte by byte, so that what follows stays on stdin, and execute it."""


@functools.cache
def stage1() -> bytes:
    """Return stage 1 as one line of base64, ended by a newline."""
    path = _HOME / "agent" / "stage1.py"
    return base64.b64encode(_cached("stage1", [path], lambda: zlib.compress(_read(path)[2].encode(), 9))) + b"\n"


@functools.cache
def agent() -> bytes:
    """Return what every session starts with, compressed; at most 64 KiB (a test holds it to that)."""
    return _cached("agent", _paths(), lambda: zlib.compress(_script(closure(_SESSION)).encode(), 9))


def _script(modules: Modules) -> str:
    version = hashlib.sha256(repr(sorted(_modules().items())).encode()).hexdigest()[:16]
    return f"SOURCES = {modules!r}\nLOADER = {_LOADER!r}\nVERSION = {version!r}\nexec(LOADER)"


def for_kinds(kinds: Iterable[str]) -> Modules:
    """Return the modules that `kinds` of resources need beyond every session's."""
    roots = [f"provision.{where}.{kind}" for kind in sorted(set(kinds)) for where in ("resources", "agent.providers")]
    known = closure(_SESSION)
    return {name: module for name, module in closure(roots).items() if name not in known}


def for_apply() -> Modules:
    """Return the modules that change a machine."""
    known = closure(_SESSION)
    return {name: module for name, module in closure(_APPLY).items() if name not in known}


def for_solve(kinds: Iterable[str]) -> Modules:
    """Return the modules that solve environments of `kinds`."""
    known = closure(_SESSION)
    return {**for_kinds(kinds), **{name: module for name, module in closure(_SOLVE).items() if name not in known}}


def packed(modules: Modules) -> str:
    """Return modules as a message carries them."""
    return base64.b64encode(zlib.compress(json.dumps(modules).encode(), 6)).decode()


def closure(roots: Iterable[str]) -> Modules:
    """Return `roots` and all that they import, directly or not, in functions or not."""
    found, waiting = set(), list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [other for other in _modules()[name][2] if other not in found]
    return {name: _modules()[name][:2] for name in sorted(found)}


@functools.cache
def _paths() -> list[Path]:
    return [path for part in _PARTS for path in (sorted((_HOME / part).rglob("*.py")) if "." not in part else [_HOME / part])]


@functools.cache
def _modules() -> dict[str, tuple[bool, str, list[str]]]:
    """Return all of the agent's modules, without what only readers need, and what each imports."""
    found = json.loads(_cached("modules", _paths(), lambda: json.dumps([_read(path) for path in _paths()]).encode()))
    return {name: (package, text, imports) for name, package, text, imports in found}


def _read(path: Path) -> tuple[str, bool, str, list[str]]:
    from provision.run.shrink import imports, shrink  # noqa: PLC0415 - costs time, and only where the cache misses

    names = {_name(path)[0] for path in _paths()}
    name, package = _name(path)
    text = path.read_text()
    return name, package, shrink(text), sorted(set(imports(text)) & names | _parents(name))


def _name(path: Path) -> tuple[str, bool]:
    parts = ("provision", *path.relative_to(_HOME).with_suffix("").parts)
    package = parts[-1] == "__init__"
    return ".".join(parts[:-1] if package else parts), package


def _parents(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:count]) for count in range(1, len(parts))}


def _cached(what: str, paths: list[Path], make: Callable[[], bytes]) -> bytes:
    """Return what `make` makes, kept in the user's cache until one of `paths` changes."""
    stats = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in (*paths, _SHRINK)]
    key = hashlib.sha256(repr((provision.__version__, sys.version_info[:2], _LOADER, stats)).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "provision" / f"{what}-{key}"
    with contextlib.suppress(OSError):
        return cache.read_bytes()
    made = make()
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, nothing else
        cache.parent.mkdir(parents=True, exist_ok=True)
        for old in sorted(cache.parent.glob(f"{what}-*"), key=lambda path: path.stat().st_mtime)[:-_KEPT]:
            old.unlink()
        scratch = cache.with_name(f".{cache.name}.{os.getpid()}")
        scratch.write_bytes(made)
        scratch.replace(cache)
    return made
