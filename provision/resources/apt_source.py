"""An apt repository, bound to the key that may sign it."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource, check_word

_URI = r"(https?|file|copy|cdrom|ftp):[^\s\[\]]+"


@dataclass(frozen=True, kw_only=True)
class AptSource(Resource):
    """A deb822 file `/etc/apt/sources.list.d/NAME.sources`, and an index fetched since it last changed.

    `key_text` is an ASCII-armoured public key, written to `/etc/apt/keyrings/NAME.asc` and used as Signed-By; or the machine
    fetches such a key from `key_url`; or `signed_by` names a keyring that is there. `fingerprint` (40 hex digits) must be
    the key's.
    """

    kind = "apt_source"
    name: str
    uris: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    types: tuple[str, ...] = ("deb",)
    key_text: str = ""
    key_url: str = ""
    fingerprint: str = ""
    signed_by: str = ""
    absent: bool = False

    def __post_init__(self) -> None:
        check_word(self.name, "name", r"[a-z0-9][a-z0-9._-]*")
        for uri in self.uris:
            check_word(uri, "uri", _URI)
        for word in (*self.suites, *self.components):
            check_word(word, "suite or component", r"[A-Za-z0-9./][A-Za-z0-9./_:~+-]*")
        for word in self.architectures:
            check_word(word, "architecture", r"[a-z0-9][a-z0-9-]*")
        if not self.absent and not (self.uris and self.suites):
            raise InputError(f"apt source `{self.name}` needs uris and suites")
        if self.key_url:
            check_word(self.key_url, "key url", r"https?://[^\s]+")
        if not self.absent and sum(map(bool, (self.key_text, self.key_url, self.signed_by))) != 1:
            raise InputError(f"apt source `{self.name}` needs one of a key, a `key_url` and `signed_by`")
        if self.key_text or self.key_url:
            check_word(self.fingerprint, "fingerprint", r"[0-9A-F]{40}")

    @property
    def identity(self) -> str:
        return self.name

    @property
    def path(self) -> str:
        """Where the deb822 text lies."""
        return f"/etc/apt/sources.list.d/{self.name}.sources"

    @property
    def keyring(self) -> str:
        """The Signed-By path."""
        return self.signed_by or f"/etc/apt/keyrings/{self.name}.asc"

    @property
    def claims(self) -> tuple[str, ...]:
        own = (f"path:{self.path}",)
        return own if self.signed_by else (*own, f"path:{self.keyring}")
