"""Which host keys are trusted: known_hosts files read whole, revoked keys kept apart, unknown ones refused.

Fabric's own default accepts any key, and paramiko's reader crashes on `@revoked` lines; hence this module.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import paramiko
from paramiko.hostkeys import HostKeyEntry

from provision.errors import UnreachableError

_HASHED = re.compile(r"\|1\|[A-Za-z0-9+/]{27}=\|[A-Za-z0-9+/]{27}=")
"""A name as `HashKnownHosts` writes it: base64 of salt and HMAC-SHA1, 20 bytes each; paramiko crashes on any other."""

SYSTEM = (Path("/etc/ssh/ssh_known_hosts"), Path("/etc/ssh/ssh_known_hosts2"))


def user_file() -> Path:
    """Return the user's own known_hosts."""
    return Path(os.path.expanduser("~/.ssh/known_hosts"))  # noqa: PTH111 - follows $HOME, as OpenSSH's users expect


class KnownHosts:
    """The trusted and the revoked keys of some known_hosts files; missing files are empty."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.trusted = paramiko.HostKeys()
        self._revoked: set[bytes] = set()
        entries = [item for file in files for item in _entries(file)]
        self._revoked = {key.asbytes() for revoked, _, key in entries if revoked}
        for revoked, names, key in entries:
            if not revoked and not self.revoked(key):
                for name in names:
                    self.trusted.add(name, key.get_name(), key)

    def revoked(self, key: paramiko.PKey) -> bool:
        """Whether a `@revoked` line names this key (for any host: a revoked key is good nowhere)."""
        return key.asbytes() in self._revoked


def _entries(file: Path) -> Iterator[tuple[bool, list[str], paramiko.PKey]]:
    """Yield (revoked?, host patterns, key) of each line that holds a key paramiko knows."""
    try:
        text = file.read_text(errors="replace")
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError):
        return
    for number, whole in enumerate(text.split("\n"), 1):
        words = whole.split()
        if not words or words[0].startswith("#") or words[0] == "@cert-authority":
            continue
        revoked = words[0] == "@revoked"
        try:
            entry = HostKeyEntry.from_line(" ".join(words[1:] if revoked else words), number)
        except Exception:  # noqa: BLE001, S112 - paramiko raises of many kinds for a line that holds no key
            continue
        if entry is not None and entry.key is not None:
            yield revoked, [name for name in entry.hostnames or () if _HASHED.fullmatch(name) or name[:1] != "|"], entry.key


class Refuse(paramiko.MissingHostKeyPolicy):
    """Refuse a host whose key is unknown or revoked, before anything is sent to it."""

    def __init__(self, known: KnownHosts, name: str) -> None:
        self._known = known
        self._name = name

    def missing_host_key(self, _client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Raise, with the fingerprint and the command that would trust it."""
        shown = f"{key.get_name()} {fingerprint(key)}"
        if self._known.revoked(key):
            raise UnreachableError(
                f"{hostname} offers a revoked host key ({shown})",
                hint="someone marked this key `@revoked` in known_hosts: do not connect before you know why",
            )
        raise UnreachableError(
            f"the host key of {hostname} is not known (it offers {shown})",
            hint=f"`provision trust {self._name}` shows the fingerprint and records the key",
        )


def fingerprint(key: paramiko.PKey) -> str:
    """Return the SHA-256 fingerprint as OpenSSH prints it."""
    import base64  # noqa: PLC0415 - only to show a key
    import hashlib  # noqa: PLC0415 - only to show a key

    return "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
