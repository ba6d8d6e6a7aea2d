"""Runs on this machine: their directories, the lock that lets one run at a time, and how one is set going."""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass
from typing import Any

from provision.agent import journal
from provision.agent.events import RUN_ENDED, Event
from provision.errors import InputError, ProvisionError

STATE = "/var/lib/provision"
RUNTIME = "/run/provision"
KEPT = 50
"""Finished runs kept on a machine."""

_RUN_AGENT = (
    "import sys,zlib;d=open(sys.argv[1]+'/agent','rb').read();"
    "exec(compile(zlib.decompress(d),'<agent>','exec'),{'__name__':'agent','ENTRY':'executor'})"
)


@dataclass(frozen=True)
class Run:
    """A run by its id; its directory holds `journal.jsonl`, `plan.json`, `catalog.json` (redacted), `agent`, `backups/`."""

    id: str

    @property
    def path(self) -> str:
        """The run's directory."""
        return f"{STATE}/runs/{self.id}"

    @property
    def journal(self) -> str:
        """The run's journal."""
        return f"{self.path}/journal.jsonl"

    @property
    def orders(self) -> str:
        """The unredacted catalog, in memory only, removed once it is read."""
        return f"{RUNTIME}/{self.id}.orders"

    def alive(self) -> bool:
        """Whether the run's process lives: it holds a lock on its own directory's `alive` file."""
        with open(f"{self.path}/alive", "rb") as file:
            return not _lockable(file.fileno())

    def pid(self) -> int:
        """Return the process of a run that is alive."""
        events = journal.read(self.journal)
        return int(events[0]["pid"]) if events else 0


def _lockable(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(fd, fcntl.LOCK_UN)
    return True


def private_directory(path: str) -> None:
    """Make `path` and its parents; the last one is ours alone (0700)."""
    os.makedirs(path, mode=0o755, exist_ok=True)
    os.chmod(path, 0o700)


def _put(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(fd)


def create(*, orders: dict[str, Any], redacted: dict[str, Any], plan: dict[str, Any], agent: bytes) -> Run:
    """Write down a run that is about to start; its secrets go to memory (`/run`) only."""
    private_directory(STATE)
    private_directory(f"{STATE}/runs")
    private_directory(RUNTIME)
    run = Run(time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + os.urandom(2).hex())
    os.mkdir(run.path, 0o700)
    _put(run.orders, json.dumps(orders).encode())
    _put(f"{run.path}/catalog.json", json.dumps(redacted).encode())
    _put(f"{run.path}/plan.json", json.dumps(plan).encode())
    _put(f"{run.path}/agent", agent)
    _put(f"{run.path}/alive", b"")
    _put(run.journal, b"")
    return run


class Lock:
    """The lock of this machine: one run at a time; the file says who holds it."""

    def __init__(self) -> None:
        private_directory(RUNTIME)
        self._fd = os.open(f"{RUNTIME}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self, run: Run) -> None:
        """Take the lock for `run` until this process ends; raises `ProvisionError` naming the holder."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise held_by(os.pread(self._fd, 4096, 0).decode(errors="replace")) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, json.dumps({"run": run.id, "pid": os.getpid()}).encode(), 0)

    def check(self) -> None:
        """Raise `ProvisionError` naming the holder when another run holds the lock."""
        if not _lockable(self._fd):
            raise held_by(os.pread(self._fd, 4096, 0).decode(errors="replace"))


def held_by(text: str) -> ProvisionError:
    """Return the error that names who holds the lock."""
    try:
        holder = json.loads(text)
    except ValueError:
        return ProvisionError("another run is at work on this machine", hint="`provision runs` lists them")
    return ProvisionError(
        f"run {holder['run']} (pid {holder['pid']}) is at work on this machine",
        hint=f"`provision attach {holder['run']}` follows it",
    )


def spawn(run: Run) -> None:
    """Start the run's executor, detached from this session: a transient unit, or a process of its own without systemd."""
    import subprocess

    argv = ["/usr/bin/python3", "-ISc", _RUN_AGENT, run.path]
    if os.path.isdir("/run/systemd/system"):
        unit = f"provision-{run.id}"
        head = [
            "systemd-run",
            "--quiet",
            "--collect",
            "--no-ask-password",
            f"--unit={unit}",
            f"--description=provision run {run.id}",
        ]
        done = subprocess.run([*head, "--property=KillMode=mixed", "--", *argv], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        os.unlink(run.orders)  # they hold secrets, and nobody will read them
        raise ProvisionError("systemd would not start the run", evidence=done.stderr.strip(), hint="`systemctl status` shows why")
    if os.fork() == 0:  # without systemd: a process of its own session, whose parent is gone
        os.setsid()
        if os.fork() == 0:
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            os.execv(argv[0], argv)  # noqa: S606 - no shell is the point
        os._exit(0)
    os.wait()


def find(run_id: str) -> Run:
    """Return the run of that id (or the newest, for an empty one); raises `InputError` when there is none."""
    known = names()
    if not run_id and known:
        return Run(known[-1])
    if run_id not in known:
        raise InputError(
            f"no run `{run_id}` on this machine" if run_id else "no run on this machine yet", hint="`provision runs`"
        )
    return Run(run_id)


def names() -> list[str]:
    """Return the ids of the runs on this machine, oldest first."""
    try:
        return sorted(name for name in os.listdir(f"{STATE}/runs") if os.path.exists(f"{STATE}/runs/{name}/journal.jsonl"))
    except FileNotFoundError:
        return []


def summary(run: Run) -> dict[str, Any]:
    """Return id, start, state, and counts of a run, for `provision runs`."""
    try:
        return {"run": run.id, **_told(journal.read(run.journal), alive=run.alive())}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:  # whatever garbage it holds
        return {"run": run.id, "result": "unreadable", "message": f"its journal cannot be read: {error!r}"}


def _told(events: list[Event], *, alive: bool) -> dict[str, Any]:
    last = events[-1] if events else {}
    ended = last.get("event") == RUN_ENDED
    return {
        "started": events[0]["time"] if events else None,
        "seconds": round(last["time"] - events[0]["time"], 1) if events else None,
        "result": last["result"] if ended else ("running" if alive else "killed"),
        "changed": sum(1 for event in events if event.get("result") == "changed"),
        "message": last.get("message", ""),
    }


def forget_old() -> None:
    """Remove the oldest finished runs beyond those kept."""
    import shutil  # rarely needed

    for name in names()[:-KEPT]:
        if not Run(name).alive():
            shutil.rmtree(Run(name).path)
