"""What our conda program and uv are asked to do for a conda environment, as steps."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from provision.agent import conda_lock, uv_request
from provision.agent.steps import Run, Step, Write
from provision.resources.conda_environment import CondaEnvironment

LOCK = "provision-conda.lock"
PIP_LOCK = "provision.lock"
_HOURS = 3600


def _asking(verb: str) -> str:
    return f"provision-{verb}.json"


def write(want: CondaEnvironment, group: str, name: str, text: str, folder: str = "") -> Step:
    """Return the step that writes a file into the environment, or into `folder`."""
    path = f"{folder or want.path}/{name}"
    return Write(path=path, content=text.encode(), mode=0o644, owner=want.owner, group=group)


def _program(want: CondaEnvironment, verb: str, says: str, request: dict[str, Any], *, hours: int = 1) -> Step:
    folder = posixpath.dirname(request["lock"])
    return Run(
        argv=(want.python, "-IB", want.program, verb, f"{folder}/{_asking(verb)}"),
        says=says,
        user=want.owner,
        environment=settings(want),
        timeout=hours * _HOURS,
        progress="conda",
    )


def settings(want: CondaEnvironment) -> tuple[tuple[str, str], ...]:
    """Return the environment variables for both tools; a conda environment is ours to change, whatever marks it."""
    return (("UV_BREAK_SYSTEM_PACKAGES", "1"), ("UV_PYTHON_DOWNLOADS", "never"), *want.settings)


def _request(want: CondaEnvironment, cache: str, folder: str) -> dict[str, Any]:
    return {
        "channels": [list(each) for each in want.channels],
        "specs": list(want.specs),
        "subdir": want.subdir,
        "virtual": [list(each) for each in want.virtual],
        "cache": cache,
        "lock": f"{folder}/{LOCK}",
    }


def solve(want: CondaEnvironment, cache: str, folder: str, group: str, prefer: str = "") -> Iterator[Step]:
    """Yield the steps that solve the specs into a lock in `folder`, near to the lock `prefer` where there is one."""
    said = str(conda_lock.Header(request=want.request, platform=want.subdir))
    request = {**_request(want, cache, folder), "header": said, "prefer": prefer}
    yield write(want, group, _asking("solve"), json.dumps(request), folder)
    yield _program(want, "solve", "solving conda packages", request)


def install(want: CondaEnvironment, cache: str, group: str, repair: Sequence[str] = ()) -> Iterator[Step]:
    """Yield the steps that bring the prefix to its lock; packages in `repair` are installed anew."""
    request = {**_request(want, cache, want.path), "prefix": want.path, "repair": list(repair)}
    yield write(want, group, _asking("install"), json.dumps(request))
    yield _program(want, "install", "installing conda packages", request, hours=6)


def solve_pip(want: CondaEnvironment, cache: str, folder: str, group: str) -> Iterator[Step]:
    """Yield the steps that solve the pip packages on top of the conda lock in `folder`, into a lock there."""
    python = f"{folder}/bin/python" if folder == want.path else want.python
    argv = (want.uv, "pip", "compile", "--python", python, "--generate-hashes", "--no-annotate", "--quiet")
    asked = "".join(f"{requirement}\n" for requirement in want.pip)
    request = {
        **_request(want, cache, folder),
        "prefix": folder,
        "conda": f"{folder}/{LOCK}",
        "lock": f"{folder}/{PIP_LOCK}",
        "argv": list(argv),
        "source": "pyproject.toml" if want.indexes else "requirements.in",
        "text": uv_request.project(want.pip, want.indexes) if want.indexes else asked,
        "constraints": "".join(f"{constraint}\n" for constraint in want.pip_constraints),
        "request": want.pip_request,
    }
    yield write(want, group, _asking("pip"), json.dumps(request), folder)
    yield _program(want, "pip", "solving pip packages", request)


def install_pip(want: CondaEnvironment) -> Iterator[Step]:
    """Yield the steps that install what the pip packages' lock says."""
    lock = f"{want.path}/{PIP_LOCK}"
    argv = (want.uv, "pip", "install", "--python", f"{want.path}/bin/python")
    asking = Run(argv=argv, user=want.owner, environment=settings(want), timeout=4 * _HOURS, progress="uv")
    yield from uv_request.fetching(asking, lock, want.indexes)
    sealed = ("--no-deps", "--require-hashes", "--requirements", lock)
    yield replace(asking, argv=(*argv, *sealed), says="installing pip packages")


def uninstall(want: CondaEnvironment, names: Sequence[str]) -> Iterator[Step]:
    """Yield the step that takes pip packages away."""
    if names:
        argv = (want.uv, "pip", "uninstall", "--python", f"{want.path}/bin/python", *names)
        says = "removing pip packages"
        yield Run(argv=argv, says=says, user=want.owner, environment=settings(want), timeout=_HOURS, progress="uv")
