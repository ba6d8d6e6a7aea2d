"""Whether this machine can boot a box."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "slirp4netns": "slirp4netns",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
}
"""What a box is made with, and the apt package that brings it."""


def missing_packages() -> tuple[str, ...]:
    """Return the apt packages that bring what is not installed, in alphabetical order."""
    search = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return tuple(sorted({package for program, package in PROGRAMS.items() if shutil.which(program, path=search) is None}))


def why_not() -> str:
    """Return one line that says what is missing for a box, and what mends it; empty where one can boot."""
    if os.geteuid() != 0:
        return "a box needs root: start it with `sudo`"
    absent = missing_packages()
    if absent:
        return f"a box needs {', '.join(absent)}: `apt-get install {' '.join(absent)}`"
    if not Path("/dev/net/tun").exists():
        return "a box needs /dev/net/tun, which this machine (perhaps a container itself) does not have"
    return _namespaces() or _cgroups()


def _namespaces() -> str:
    probe = ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    done = subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return f"a box needs mount and network namespaces, which this machine refuses ({said})"


def _cgroups() -> str:
    if Path("/run/systemd/system").is_dir() or cgroup_roots():
        return ""
    return "a box needs a writable cgroup tree below /sys/fs/cgroup, which this machine does not have"


def cgroup_roots() -> tuple[Path, ...]:
    """Return the roots of the trees systemd uses: the one of cgroup v2, or those two of the hybrid layout."""
    top = Path("/sys/fs/cgroup")
    if (top / "cgroup.controllers").exists():
        found = [top]
    else:
        found = [tree for tree in (top / "systemd", top / "unified") if (tree / "cgroup.procs").exists()]
    return tuple(tree for tree in found if os.access(tree, os.W_OK))
