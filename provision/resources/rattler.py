"""rattler, the library that solves and installs conda packages, kept where only provision uses it."""

from __future__ import annotations

from dataclasses import dataclass

from provision.resources.base import Resource, check_setting, check_word


@dataclass(frozen=True, kw_only=True)
class Rattler(Resource):
    """py-rattler `version` in `/opt/provision/rattler-VERSION`, fetched by pip from the index this machine has configured.

    `hashes` are the SHA-256 of the wheels that may be taken, one a platform; pip refuses any other bytes.
    `settings` are environment variables for pip (`PIP_INDEX_URL`…) that hold no credentials.
    """

    kind = "rattler"
    version: str
    hashes: tuple[str, ...]
    settings: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        check_word(self.version, "version", r"[0-9]+(\.[0-9]+)+")
        for digest in self.hashes:
            check_word(digest, "hash", r"[0-9a-f]{64}")
        for name, value in self.settings:
            check_setting(name, value)

    @property
    def identity(self) -> str:
        return self.version

    @property
    def directory(self) -> str:
        """Where all of it lies."""
        return f"/opt/provision/rattler-{self.version}"

    @property
    def claims(self) -> tuple[str, ...]:
        return (self.key, f"path:{self.directory}")

    @property
    def python(self) -> str:
        """The interpreter that can import it."""
        return f"{self.directory}/bin/python"
