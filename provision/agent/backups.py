"""What was there before: numbered copies and an index with one JSON object a line.

`{"number", "path", "kind" ("file" or "link"), "mode", "owner", "group", "sha256", "size", "target"}`; the copy of number
7 is the file `7` beside `index.jsonl`. Both are on disk before the original is touched.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from typing import Any

from provision.agent.accounts import Accounts
from provision.agent.attributes import stat_of
from provision.agent.paths import Place

INDEX = "index.jsonl"
_CHUNK = 1 << 20


class Backups:
    """A directory of backups, made when the first one is kept."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._number: int | None = None

    def keep(self, place: Place, info: os.stat_result, accounts: Accounts) -> None:
        """Copy the file (or note the link) at `place`; raises `OSError`, `UnreadableError`."""
        stat_ = stat_of(info, accounts)
        record: dict[str, Any] = {"number": self._next(), "path": place.path, "kind": stat_.kind}
        record |= {"mode": stat_.mode, "owner": stat_.owner, "group": stat_.group}
        if stat.S_ISLNK(info.st_mode):
            record["target"] = os.readlink(place.name, dir_fd=place.fd)
        else:
            source = place.open_file()
            try:
                record |= self._copy(source, f"{self._directory}/{record['number']}")
            finally:
                os.close(source)
        self._note(record)
        self._number = record["number"]

    def _next(self) -> int:
        """Return the next number, after those of an earlier process."""
        if self._number is None:
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            os.chmod(self._directory, 0o700)
            self._number = max((int(name) for name in os.listdir(self._directory) if name.isdecimal()), default=0)
            try:
                with open(f"{self._directory}/{INDEX}", "rb") as file:
                    self._number = max(self._number, sum(1 for _ in file))
            except FileNotFoundError:
                pass
        return self._number + 1

    @staticmethod
    def _copy(source: int, path: str) -> dict[str, Any]:
        digest, size = hashlib.sha256(), 0
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                while data := os.read(source, _CHUNK):
                    digest.update(data)
                    size += len(data)
                    file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            os.unlink(path)
            raise
        return {"sha256": digest.hexdigest(), "size": size}

    def _note(self, record: dict[str, Any]) -> None:
        fd = os.open(f"{self._directory}/{INDEX}", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(json.dumps(record).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
