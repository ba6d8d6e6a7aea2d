"""Runs that others left, and locks that others hold."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provision.agent import events, runs


@contextmanager
def held(path: str, *, text: str = "") -> Iterator[int]:
    """Another process that holds a lock on `path`; yields its pid."""
    script = (
        "import fcntl,os,sys; f=open(sys.argv[1],'r+b'); fcntl.flock(f,fcntl.LOCK_EX); "
        "f.truncate(0) if sys.argv[2] else 0; f.write(sys.argv[2].encode()); f.flush(); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", script, path, text], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin
        assert child.stdout
        child.stdout.readline()
        yield child.pid
        child.stdin.close()


def written(name: str, *lines: dict[str, Any]) -> runs.Run:
    """A run that left `lines` in its journal."""
    path = Path(runs.STATE, "runs", name)
    path.mkdir(parents=True)
    (path / "alive").touch()
    (path / "journal.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return runs.Run(name)


STARTED = {"seq": 1, "time": 1000.0, "event": events.RUN_STARTED, "run": "r", "pid": 77, "total": 2}
CHANGED = {"seq": 2, "time": 1001.0, "event": events.RESOURCE_DONE, "key": "file:/a", "result": "changed"}
OK = {"seq": 3, "time": 1001.5, "event": events.RESOURCE_DONE, "key": "file:/b", "result": "ok"}
ENDED = {"seq": 4, "time": 1002.26, "event": events.RUN_ENDED, "result": "done", "changed": 1, "message": ""}
