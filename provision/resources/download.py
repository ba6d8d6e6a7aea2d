"""A file fetched from a URL, bound to its SHA-256."""

from __future__ import annotations

from dataclasses import dataclass

from provision.resources.base import Resource, check_mode, check_name, check_path, check_word


@dataclass(frozen=True, kw_only=True)
class Download(Resource):
    """The bytes at `url` whose SHA-256 is `sha256`, at `path`; resumed where the server allows it. `size` in bytes, 0 unknown."""

    kind = "download"
    url: str
    path: str
    sha256: str
    size: int = 0
    mode: int = 0o644
    owner: str = "root"

    def __post_init__(self) -> None:
        check_path(self.path)
        check_mode(self.mode)
        check_name(self.owner, "owner")
        check_word(self.sha256, "sha256", r"[0-9a-f]{64}")
        check_word(self.url, "url", r"https?://[^\s]+")

    @property
    def identity(self) -> str:
        return self.path

    @property
    def claims(self) -> tuple[str, ...]:
        return (f"path:{self.path}",)
