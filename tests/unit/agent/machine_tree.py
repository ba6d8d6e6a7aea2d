"""A small machine below a directory, and hosts that look at it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from provision.agent.reader import MachineReader
from provision.agent.writer import MachineWriter

NOBODY = 65534


@dataclass
class Tree:
    """A root directory with users in it, and hosts that look at it."""

    root: Path
    me: str
    backups: Path

    def put(self, path: str, content: str = "", mode: int = 0o644) -> Path:
        real = self.at(path)
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_text(content)
        real.chmod(mode)
        return real

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def reader(self) -> MachineReader:
        return MachineReader(root=str(self.root))

    def writer(self, **options: object) -> MachineWriter:
        return MachineWriter(root=str(self.root), backups=str(self.backups), **options)  # type: ignore[arg-type] # per test

    def temporaries(self) -> list[str]:
        return [name for _, _, names in os.walk(self.root) for name in names if name.startswith(".provision-")]
