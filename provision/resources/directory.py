"""A directory."""

from __future__ import annotations

from dataclasses import dataclass

from provision.resources.base import Resource, check_mode, check_name, check_path


@dataclass(frozen=True, kw_only=True)
class Directory(Resource):
    """A directory at `path`; missing parents are made root-owned (or the owner's, inside the owner's home), 0755.

    `absent` removes it only when it is empty: nothing a person put there is ever deleted.
    """

    kind = "directory"
    path: str
    mode: int = 0o755
    owner: str = "root"
    group: str = ""
    absent: bool = False

    def __post_init__(self) -> None:
        check_path(self.path)
        check_mode(self.mode)
        check_name(self.owner, "owner")
        if self.group:
            check_name(self.group, "group")

    @property
    def identity(self) -> str:
        return self.path

    @property
    def claims(self) -> tuple[str, ...]:
        return (f"path:{self.path}",)
