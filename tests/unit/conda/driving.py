"""Runs our conda program, in this process, over a real channel of stand-ins."""

from __future__ import annotations

import contextlib
import io
import json
import runpy
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provision.catalog.conda_program import conda_program

HEADER = "# provision request=0123456789abcdef platform=linux-64\n"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the program printed: how far it was, and the error it ended with, if it did."""

    progress: list[dict[str, Any]]
    error: dict[str, str]

    @property
    def phrases(self) -> list[str]:
        return list(dict.fromkeys(each["says"] for each in self.progress))


@dataclass(kw_only=True)
class Machine:
    """A prefix, a cache and channels; `specs` are kept for both verbs."""

    folder: Path
    channels: list[list[str]]
    virtual: list[list[str]] = field(default_factory=lambda: [["__glibc", "2.36"]])
    specs: Sequence[str] = ()

    @property
    def program(self) -> Path:
        path = self.folder / "conda.py"
        path.write_text(conda_program())
        return path

    @property
    def prefix(self) -> Path:
        return self.folder / "env"

    @property
    def lock(self) -> Path:
        return self.prefix / "provision-conda.lock"

    def request(self, **more: Any) -> Path:  # noqa: ANN401 - JSON values
        self.prefix.mkdir(parents=True, exist_ok=True)
        asked = {
            "channels": self.channels,
            "virtual": self.virtual,
            "subdir": "linux-64",
            "specs": list(self.specs),
            "prefix": str(self.prefix),
            "cache": str(self.folder / "cache"),
            "lock": str(self.lock),
            "header": HEADER,
            "repair": [],
            "retries": 0,
        }
        path = self.folder / "request.json"
        path.write_text(json.dumps({**asked, **more}))
        return path

    def run(self, verb: str, **more: Any) -> Said:  # noqa: ANN401 - JSON values
        path, out, argv = self.request(**more), io.StringIO(), sys.argv
        sys.argv = [str(self.program), verb, str(path)]
        code = 0
        try:
            with contextlib.redirect_stdout(out):
                runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as error:
            code = int(str(error.code))
        finally:
            sys.argv = argv
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        errors = [line for line in lines if "error" in line]
        assert bool(errors) == bool(code), lines
        return Said(progress=[line for line in lines if "says" in line], error=errors[-1] if errors else {})

    def have(self, *specs: str, **more: Any) -> Said:  # noqa: ANN401 - JSON values
        """Solve and install."""
        self.specs = specs
        solved = self.run("solve", **more)
        assert not solved.error, solved.error
        installed = self.run("install", **more)
        assert not installed.error, installed.error
        return installed

    @property
    def locked(self) -> dict[str, dict[str, Any]]:
        found = (json.loads(line) for line in self.lock.read_text().splitlines() if line.startswith("{"))
        return {data["name"]: data for data in found}

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        found = (json.loads(path.read_bytes()) for path in (self.prefix / "conda-meta").glob("*.json"))
        return {data["name"]: data for data in found}

    def versions(self) -> dict[str, str]:
        return {name: data["version"] for name, data in sorted(self.records.items())}

    def files(self) -> dict[str, tuple[int, int]]:
        """Return all files below the prefix, with size and time of change."""
        paths = [path for path in self.prefix.rglob("*") if not path.is_dir() or path.is_symlink()]
        return {str(path.relative_to(self.prefix)): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in paths}
