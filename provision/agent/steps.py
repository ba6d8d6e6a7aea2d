"""Steps: what a provider asks a machine to do, as data. Only a `Writer` performs them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Write:
    """Replace the file at `path` by `content`, atomically: temp beside it, fsync, rename, fsync of the directory.

    `validate` is an argv in which `{}` is a scratch copy with the same base name, run *before* the rename.
    A file that is there keeps its xattrs; `mode`, `owner` and `group` are set. `sensitive` content is never backed up.
    """

    path: str
    content: bytes
    mode: int
    owner: str
    group: str
    validate: tuple[str, ...] = ()
    sensitive: bool = False


@dataclass(frozen=True, kw_only=True)
class WriteRandom:
    """Write `length` random bytes as hexadecimal and a newline, to a path where nothing is."""

    path: str
    length: int
    mode: int
    owner: str
    group: str


@dataclass(frozen=True, kw_only=True)
class MakeDirectory:
    """Make one directory (its parent exists)."""

    path: str
    mode: int
    owner: str
    group: str


@dataclass(frozen=True, kw_only=True)
class SetAttributes:
    """Set mode, owner and group of what is at `path` (never through a final symbolic link)."""

    path: str
    mode: int
    owner: str
    group: str


@dataclass(frozen=True, kw_only=True)
class MakeLink:
    """Put a symbolic link at `path`, replacing a link that is there, atomically."""

    path: str
    target: str
    owner: str
    group: str


@dataclass(frozen=True, kw_only=True)
class Remove:
    """Remove a file, a link or an empty directory; files are backed up first unless `sensitive`."""

    path: str
    sensitive: bool = False


@dataclass(frozen=True, kw_only=True)
class RemoveTree:
    """Remove a directory that provision made itself (a half-made environment), with all that is in it."""

    path: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """Run a program: argv only, stdin is `stdin` (else /dev/null), its own session, no terminal, a clean environment.

    `user` other than root: with that user's ids, groups and HOME. `progress` names the parser of its output
    ("apt", "uv", "conda" or empty). `says` is the phrase shown while it runs. Exit codes in `accept` are success.
    """

    argv: tuple[str, ...]
    says: str = ""
    user: str = "root"
    cwd: str = "/"
    environment: tuple[tuple[str, str], ...] = ()
    stdin: str = ""
    timeout: int = 3600
    progress: str = ""
    accept: tuple[int, ...] = (0,)


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """Download `url` to `path`: resumed from `path`.part, SHA-256 checked before the rename, with progress."""

    url: str
    path: str
    sha256: str
    size: int
    mode: int
    owner: str
    group: str


@dataclass(frozen=True, kw_only=True)
class FetchKey:
    """Download an ASCII-armoured OpenPGP key to `path` (0644, root's): nothing is written unless its fingerprint is this one."""

    url: str
    path: str
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Remember:
    """Keep `value` under `name` in provision's own state on the machine (`Reader.recall` reads it)."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True)
class RequestReboot:
    """Ask for a reboot at this point of the run."""

    because: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """Hand a result back to the controller, such as the lock an environment was solved to."""

    name: str
    subject: str
    path: str
    """The file whose text is the result."""


Step = (
    Write
    | WriteRandom
    | MakeDirectory
    | SetAttributes
    | MakeLink
    | Remove
    | RemoveTree
    | Run
    | Fetch
    | FetchKey
    | Remember
    | RequestReboot
    | Report
)
