"""`workstation.lock`: which exact versions each environment was solved to, with their hashes.

It stands beside the profile and belongs in version control with it. It holds no address: a machine fetches from where
it is configured to, and the hashes say that the bytes are the same. A lock's own first comments say for which request it
was solved; its text is kept to the byte, because the machine's copy is compared with it.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from provision.errors import InputError, ProvisionError
from provision.profile.document import Document, file_name, read_document, shown
from provision.profile.lock import Lock
from provision.profile.read import LoadedProfile, home_folder

SCHEMA = 2
"""1 knew no conda locks, and is still written where there are none."""
LARGEST = 16 << 20
"""Bytes of a lock: some hundred packages with a hash for each platform's wheel are about 1 MiB."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_KEYS = {"lock": "pip", "conda": "conda"}
"""What the parts of a lock are called in the file."""

Locks = Mapping[str, Lock]
"""Each environment's lock by the environment's name."""


def lock_path(loaded: LoadedProfile) -> Path:
    """Return where the locks of a profile are kept: beside it, or in the home's folder when there is no profile file.

    Raises `InputError` when there is neither a profile nor a home.
    """
    if loaded.path is not None:
        return loaded.path.with_suffix(".lock")
    folder = home_folder()
    if folder is None:
        raise InputError("there is no home folder to keep `workstation.lock` in", hint="set HOME, or use `--profile FILE`")
    return folder / "workstation.lock"


def read_locks(path: Path) -> Locks:
    """Return the locks in `path`, none when it is missing; raises `InputError` for damage and for a newer schema."""
    if not os.path.lexists(path):
        return {}
    document = read_document(path, LARGEST)
    schema = document.data.get("schema")
    if type(schema) is int and schema > SCHEMA:
        raise InputError(
            f"{document.where('schema')}: schema: is of a newer provision, this one knows {SCHEMA}", hint="upgrade provision"
        )
    tables = document.data.get("environment", {})
    if type(schema) is not int or schema < 1 or not isinstance(tables, dict) or set(document.data) - {"schema", "environment"}:
        raise _damaged(document)
    return {name: _lock(name, table, document) for name, table in tables.items()}


def _lock(name: str, table: object, document: Document) -> Lock:
    if (
        not isinstance(table, dict)
        or not table
        or set(table) - set(_KEYS)
        or not all(isinstance(text, str) for text in table.values())
        or not _NAME.fullmatch(name)
    ):
        raise _damaged(document, "environment", name)
    lock = Lock(**{_KEYS[key]: text for key, text in table.items()})
    for key, check in (("lock", lock.check_pip), ("conda", lock.check_conda)):
        try:
            check()
        except InputError as error:
            raise _damaged(document, "environment", name, key, reason=error.message) from None
    return lock


def _damaged(document: Document, *location: str, reason: str = "is damaged") -> InputError:
    about = f" {'.'.join(shown(part) for part in location)}:" if location else ""
    return InputError(
        f"{document.where(*location)}:{about} {reason}",
        hint=f"remove {document.name}, and `provision apply` solves the environments again",
    )


def render(locks: Locks) -> str:
    """Return the text of `workstation.lock`, environments by name; raises `InputError` for a lock that is not acceptable."""
    schema = SCHEMA if any(lock.conda for lock in locks.values()) else 1
    parts = [f"# Written by provision; keep it in version control with the profile.\nschema = {schema}\n"]
    for name in sorted(locks):
        if not _NAME.fullmatch(name):
            raise InputError(f"`{shown(name)}` is not an environment's name")
        lock = locks[name]
        lock.check_pip()
        lock.check_conda()
        texts = {"lock": lock.pip, "conda": lock.conda}
        kept = {key: text for key, text in texts.items() if text} or {"lock": ""}
        parts.append(f'\n[environment."{name}"]\n' + "".join(f"{key} = '''\n{text}'''\n" for key, text in kept.items()))
    return "".join(parts)


def write_locks(path: Path, locks: Locks) -> None:
    """Write `locks` to `path` at once or not at all; an existing file keeps its owner and mode.

    Raises `InputError` for malformed locks, `ProvisionError` when the file cannot be written (the old one stays).
    """
    text = render(locks)
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _replace(folder, path.name, text.encode())
        finally:
            os.close(folder)
    except OSError as error:
        raise ProvisionError(f"{file_name(path)}: {(error.strerror or 'cannot be written').lower()}") from error


def _replace(folder: int, name: str, content: bytes) -> None:
    temporary = f".{name}.{secrets.token_hex(8)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            _inherit(file.fileno(), folder, name)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(temporary, dir_fd=folder)
        raise
    os.fsync(folder)


def _inherit(descriptor: int, folder: int, name: str) -> None:
    """Give the new file the old one's owner and mode; root gives a first one to the folder's owner."""
    try:
        old = os.stat(name, dir_fd=folder, follow_symlinks=False)
        os.fchmod(descriptor, old.st_mode & 0o777)
    except FileNotFoundError:
        old = os.fstat(folder)
    if os.geteuid() == 0:
        os.fchown(descriptor, old.st_uid, old.st_gid)
