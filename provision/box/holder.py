"""The process that holds a box's namespaces and starts systemd-nspawn in them, again after a reboot of the box."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from provision.box import process, support
from provision.box.command import last_lines
from provision.box.disk import Disk
from provision.box.process import Process
from provision.box.state import CGROUP_PREFIX
from provision.errors import ProvisionError

REBOOT = 133
"""What `systemd-nspawn --keep-unit` ends with when the machine in it asked for a reboot."""

NSPAWN_SETTINGS = {
    # cgroup v2 in the box whatever this machine has: systemd 257 boots with nothing else.
    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
    # /proc/sys/net is the box's own; all else of /proc/sys is this machine's and stays read-only.
    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
}

SCRIPT = """
set -eu
mount_options=$1 at=$2 cgroups=$3
shift 3
for cgroup in $cgroups; do echo $$ > "$cgroup/cgroup.procs"; done
[ -z "$mount_options" ] || mount -t overlay overlay -o "$mount_options" "$at"
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o mode=0755 tmpfs /run/systemd/nspawn
echo ready
exec >&2
read -r go
status=133
while [ "$status" -eq 133 ]; do
  status=0
  "$@" "--network-namespace-path=/proc/$$/ns/net" < /dev/null || status=$?
done
exit "$status"
"""
"""All mounts and the network belong to namespaces of this process: they are gone when it is."""


class Holder:
    """Made with the box's name, its disk, where its console is written, and folders of this machine it may read."""

    def __init__(self, name: str, layer: Disk, console: Path, read_only: Sequence[Path]) -> None:
        self._name = name
        self._layer = layer
        self._console = console
        self._read_only = tuple(read_only)
        self._child: subprocess.Popen[bytes] | None = None
        self._process: Process | None = None
        self._under_systemd = Path("/run/systemd/system").is_dir()
        self.cgroups: tuple[str, ...] = ()
        if not self._under_systemd:
            self.cgroups = tuple(str(tree / f"{CGROUP_PREFIX}{name}") for tree in support.cgroup_roots())

    @property
    def pid(self) -> int:
        """The holder's pid."""
        if not self._process:
            raise ProvisionError(f"the box {self._name} does not run")
        return self._process.pid

    def start(self) -> Process:
        """Make the namespaces and mount the disk; nothing boots before `go`."""
        for cgroup in self.cgroups:
            Path(cgroup).mkdir(exist_ok=True)
        with self._console.open("ab") as console:
            self._child = subprocess.Popen(
                self._argv(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=console,
                start_new_session=True,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **NSPAWN_SETTINGS},
            )
        self._process = process.process(self._child.pid)
        assert self._child.stdout  # noqa: S101 - a pipe was asked for
        if self._process is None or self._child.stdout.readline() != b"ready\n":
            raise ProvisionError(
                "the box's namespaces could not be made", evidence=last_lines(self._console.read_text(errors="replace"))
            )
        self._child.stdout.close()
        if self._under_systemd:
            self.cgroups = _own_cgroups(self.pid)
        return self._process

    def go(self) -> None:
        """Boot."""
        assert self._child  # noqa: S101 - started before
        assert self._child.stdin  # noqa: S101 - a pipe was asked for
        self._child.stdin.write(b"go\n")
        self._child.stdin.close()

    def alive(self) -> bool:
        """Whether the box runs, or reboots."""
        return self._process is not None and self._process.alive()

    def leader(self) -> int:
        """Return the pid, here, of the box's PID 1; raises `ProvisionError` where it has none (yet)."""
        for nspawn in process.children(self.pid):
            for child in process.children(nspawn):
                if _is_init(child):
                    return child
        raise ProvisionError(f"the box {self._name} has no PID 1", evidence=last_lines(self._console.read_text(errors="replace")))

    def power_off(self, timeout: float = 30) -> None:
        """Ask the box's PID 1 to power off and wait until it has; raises `ProvisionError` after `timeout` seconds."""
        os.kill(self.leader(), signal.SIGRTMIN + 4)
        deadline = time.monotonic() + timeout
        while self.alive():
            if time.monotonic() > deadline:
                raise ProvisionError(f"the box {self._name} did not power off within {timeout:g} s")
            time.sleep(0.02)
        self._reap()

    def end(self) -> None:
        """Cut the power at once."""
        if not self._process:
            return
        process.end_tree(self._process)
        self._reap()

    def _reap(self) -> None:
        if self._child:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(5)

    def _argv(self) -> list[str]:
        scope = [
            "systemd-run",
            "--scope",
            "--quiet",
            "--collect",
            f"--unit={CGROUP_PREFIX}{self._name}",
            "--property=Delegate=yes",
            "--",
        ]
        holder = ["unshare", "--mount", "--net", "--propagation", "slave", "sh", "-c", SCRIPT, "holder"]
        nspawn = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", f"--machine={self._name}"]
        nspawn += [f"--directory={self._layer.at}", "--resolv-conf=off", "--timezone=off", "--link-journal=no"]
        # A terminal, for systemd tells a pipe nothing; and the network is the box's own.
        nspawn += ["--console=read-only", "--capability=CAP_NET_ADMIN"]
        nspawn += [f"--bind-ro={str(folder).replace(':', chr(92) + ':')}" for folder in self._read_only]
        place = [self._layer.options, str(self._layer.at), " ".join(self.cgroups)]
        return [*(scope if self._under_systemd else []), *holder, *place, *nspawn]


def _is_init(pid: int) -> bool:
    """Whether `pid` is PID 1 of a namespace of its own."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    inner = next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [])
    return len(inner) > 1 and inner[-1] == "1"


def _own_cgroups(pid: int) -> tuple[str, ...]:
    found = []
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for tree in support.cgroup_roots():
            named = {"": "unified", "name=systemd": "systemd"}.get(controllers)
            if CGROUP_PREFIX in path and (tree.name in {named, "cgroup"}) and named:
                found.append(f"{tree}{path}")
    return tuple(found)
