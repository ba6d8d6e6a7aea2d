"""The cached root of a distribution release, which boxes are layers on."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from provision.box import inherit
from provision.box.command import last_lines, run
from provision.box.release import Release, release, sources
from provision.errors import ProvisionError

Say = Callable[[str], None]

FORMAT = 1
"""Raised when a root made by an older version no longer fits."""
DEMO_USER = "demo"
PACKAGES = (
    "ca-certificates",
    "dbus",
    "iproute2",
    "kmod",
    "libpam-systemd",
    "openssh-server",
    "procps",
    "python3",
    "sudo",
    "systemd",
    "systemd-sysv",
    "tzdata",
    "udev",
)
HOOKS = (
    'chroot "$1" update-ca-certificates',
    f'chroot "$1" useradd --create-home --shell /bin/bash --uid 1000 {DEMO_USER}',
    f'printf "%s\\n" "{DEMO_USER} ALL=(ALL:ALL) NOPASSWD: ALL" > "$1/etc/sudoers.d/{DEMO_USER}"',
    f'chmod 0440 "$1/etc/sudoers.d/{DEMO_USER}"',
    # A box is thrown away: dpkg need not wait for the disk.
    'echo force-unsafe-io > "$1/etc/dpkg/dpkg.cfg.d/provision-box"',
    # Proxies and the like are read anew for each box.
    'rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap"',
    # Each box makes keys and an identity of its own.
    'rm -f "$1"/etc/ssh/ssh_host_*',
    'rm -f "$1/etc/machine-id" "$1/etc/hostname" "$1/etc/resolv.conf"',
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that decides what a root holds."""

    release: str
    codename: str
    packages: tuple[str, ...]
    sources: tuple[str, ...]
    hooks: tuple[str, ...] = HOOKS
    certificates: str = ""
    format: int = FORMAT

    @property
    def name(self) -> str:
        """The root's folder: the release and a fingerprint."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{self.release}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def cache_home() -> Path:
    """Return the folder of everything that boxes keep on disk."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "provision"


def recipe(wanted: Release, extra: Sequence[str] = ()) -> Recipe:
    """Return the recipe of `wanted` on this machine, with `extra` apt packages in it."""
    return Recipe(
        release=wanted.name,
        codename=wanted.codename,
        packages=tuple(sorted({*PACKAGES, *extra})),
        sources=tuple(source.line() for source in sources(wanted)),
        certificates=inherit.certificates_digest(),
    )


def root(name: str = "host", *, extra: Sequence[str] = (), say: Say = lambda _: None) -> Path:
    """Return the root of the release called `name`, made now (about 40 s) where it is not in the cache.

    `say` is told how the making goes. Raises `ProvisionError` when it cannot be made, `InputError` for an unknown release.
    """
    wanted = recipe(release(name), extra)
    roots = cache_home() / "roots"
    made = roots / wanted.name
    if made.is_dir():
        return made
    roots.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(roots / f".{wanted.name}.lock", say):
        if not made.is_dir():
            _build(wanted, roots / f".{wanted.name}.building", made, say)
    return made


@contextmanager
def _locked(path: Path, say: Say) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process that makes the same root")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(wanted: Recipe, building: Path, made: Path, say: Say) -> None:
    start = time.monotonic()
    say(f"making a root of {wanted.release} (once; about 40 s)")
    if building.exists():  # left by a power cut
        shutil.rmtree(building)
    try:
        _mmdebstrap(wanted, building, say)
        run(["sync", "--file-system", building])
        building.rename(made)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    folder = os.open(made.parent, os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    say(f"root of {wanted.release} made in {time.monotonic() - start:.0f} s")


def _mmdebstrap(wanted: Recipe, target: Path, say: Say) -> None:
    argv = ["mmdebstrap", "--mode=root", "--variant=apt", "--format=directory", f"--include={','.join(wanted.packages)}"]
    argv += [f"--aptopt={line}" for line in inherit.apt_options().splitlines()]
    copied = [path for path in (*inherit.KEYRINGS, inherit.CERTIFICATES) if path.is_dir() and any(path.iterdir())]
    argv += [f"--essential-hook=copy-in {path} {path.parent}" for path in copied]
    argv += [f"--customize-hook={hook}" for hook in wanted.hooks]
    argv += [wanted.codename, str(target), "-"]
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "TMPDIR": "/tmp"}  # noqa: S108 - mmdebstrap makes a private folder in it
    printed = []
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment,
    ) as child:
        assert child.stdin  # noqa: S101 - a pipe was asked for
        assert child.stderr  # noqa: S101 - as above
        child.stdin.write("".join(f"{line}\n" for line in wanted.sources))
        child.stdin.close()
        for line in child.stderr:
            printed.append(line)
            if line.startswith("I: ") and "..." in line:
                say(line[3:].strip().rstrip("."))
    if child.returncode != 0:
        keyring = f"`apt-get install {wanted.release.partition('-')[0]}-archive-keyring` brings the keys of its archive"
        raise ProvisionError(
            f"the root of {wanted.release} could not be made",
            hint=keyring if "NO_PUBKEY" in "".join(printed) else "try again; `apt-get update` shows whether the archive answers",
            evidence=last_lines("".join(printed)),
        )
