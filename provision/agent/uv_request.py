"""How uv is asked for packages that come from an index of their own, and from nowhere else.

uv takes a package from the first index that has it, whatever its version, and an index of frameworks also has old copies of
much else; on the other hand, of equal versions it takes the first index's file, whose hash need not be the lock's. So an
index is bound to names: for solving in a `pyproject.toml` (`tool.uv.sources`, which uv reads for what is asked for directly),
for installing by a command of its own, after which `uv pip sync` finds these packages there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from provision.agent.steps import Remove, Run, Step, Write

Indexes = tuple[tuple[str, str, tuple[str, ...]], ...]
"""(name, address, packages): as in `UvEnvironment.indexes`."""


def solving(
    asking: Run, requirements: Sequence[str], *, indexes: Indexes, constraints: Sequence[str], folder: str, group: str
) -> Iterator[Step]:
    """Yield the steps that solve `requirements`: `asking` is `uv pip compile …` that lacks only its source.

    What uv reads from files only is written into `folder` for it, and removed afterwards.
    """
    written = {}
    argv, stdin = asking.argv, ""
    if constraints:
        path = f"{folder}/constraints.txt"
        written[path] = "".join(f"{constraint}\n" for constraint in constraints)
        argv = (*argv, "--constraints", path)
    if indexes:
        path = f"{folder}/pyproject.toml"  # uv knows it by this name
        written[path] = project(requirements, indexes)
        argv = (*argv, path)
    else:
        argv, stdin = (*argv, "-"), "".join(f"{requirement}\n" for requirement in requirements)
    for path, text in written.items():
        yield Write(path=path, content=text.encode(), mode=0o644, owner=asking.user, group=group)
    yield replace(asking, argv=argv, stdin=stdin)
    for path in written:
        yield Remove(path=path, sensitive=True)  # it held for one question: no copy is kept


def project(requirements: Sequence[str], indexes: Indexes) -> str:
    """Return the `pyproject.toml` that asks for `requirements`, with each index for its own packages only."""
    lines = ["[project]", 'name = "provision-environment"', 'version = "0"', f"dependencies = {json.dumps(list(requirements))}"]
    for name, url, _packages in indexes:
        lines += ["[[tool.uv.index]]", f"name = {json.dumps(name)}", f"url = {json.dumps(url)}", "explicit = true"]
    lines.append("[tool.uv.sources]")
    for name, _url, packages in indexes:
        lines += [f"{json.dumps(package)} = {{ index = {json.dumps(name)} }}" for package in packages]
    return "\n".join((*lines, ""))


def fetching(installing: Run, lock: str, indexes: Indexes) -> Iterator[Step]:
    """Yield the steps that install what comes from indexes of its own, in the versions and with the hashes of `lock`.

    `installing` is `uv pip install --python …`. What is there already as the lock says is not asked for again.
    """
    for name, url, packages in indexes:
        # `--index` stands for all others that are configured, and comes before the machine's usual one.
        where = ("--no-deps", "--index", url, "--constraints", lock)
        yield replace(installing, argv=(*installing.argv, *where, *packages), says=f"installing {' '.join(packages)} ({name})")
