"""The roles there are: the shipped folder, the folders a person names, and those that installed packages bring."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from provision.catalog.role import Role
from provision.catalog.templates import folder
from provision.errors import InputError, ProvisionError

GROUP = "provision.roles"
"""The entry-point group of packages that bring roles: each entry is a `Role` object."""


def load_roles(extra_paths: Sequence[Path] = ()) -> dict[str, Role]:
    """Return all roles by name, in the order of their names.

    Raises `InputError` for a file that fails to import or holds no role, and for two roles of one name.
    """
    found: dict[str, tuple[Role, str]] = {}
    for role, source in _all(extra_paths):
        if role.name in found:
            raise InputError(f"two roles are called `{role.name}`: in {found[role.name][1]} and in {source}", hint="rename one")
        found[role.name] = (role, source)
    return {name: found[name][0] for name in sorted(found)}


def _all(extra_paths: Sequence[Path]) -> Iterator[tuple[Role, str]]:
    for path in (folder("roles"), *extra_paths):
        if not path.is_dir():
            raise InputError(f"no folder of roles at `{path}`", hint="give `--role-path` a folder that holds NAME.py")
        for file in sorted(path.glob("*.py")):
            if not file.name.startswith("_"):
                for role in _of_file(file):
                    yield role, str(file)
    yield from _installed()


def _of_file(file: Path) -> list[Role]:
    name = f"provision_roles.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InputError(f"role file `{file}` is not a Python module")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ProvisionError:
        raise
    except (Exception, SystemExit) as error:
        line = _line(error, str(file))
        raise InputError(f"role file `{file}`{line} fails to import: {type(error).__name__}: {error}") from error
    roles = [value for value in vars(module).values() if isinstance(value, Role) and value.generate.__module__ == name]
    if not roles:
        raise InputError(f"role file `{file}` holds no role", hint="decorate its generator function with `@role()`")
    return roles


def _line(error: BaseException, file: str) -> str:
    at = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            at = trace.tb_lineno
        trace = trace.tb_next
    return f" line {at}" if at else ""


def _installed() -> Iterator[tuple[Role, str]]:
    if not _announced():
        return
    from importlib.metadata import entry_points  # noqa: PLC0415 - 70 ms, and rarely needed

    for entry in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        source = f"`{entry.value}` (installed)"
        try:
            role = entry.load()
        except (Exception, SystemExit) as error:
            raise InputError(f"role {source} fails to import: {type(error).__name__}: {error}") from error
        if not isinstance(role, Role):
            raise InputError(f"role {source} is not a role but a {type(role).__name__}")
        yield role, source


def _announced() -> bool:
    """Whether any installed package names our group: a scan of 0.5 ms, where `importlib.metadata` takes 70 to import."""
    header = f"[{GROUP}]".encode()
    for path in sys.path:
        try:
            names = os.listdir(path or ".")  # noqa: PTH208 - thousands of names, of which a few become paths
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                file = Path(path, name, "entry_points.txt")
                if file.is_file() and header in file.read_bytes():
                    return True
    return False
