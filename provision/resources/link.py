"""A symbolic link."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource, check_name, check_path


@dataclass(frozen=True, kw_only=True)
class Link(Resource):
    """A symbolic link at `path` that points to `target` (absolute or relative); never replaces a directory or file."""

    kind = "link"
    path: str
    target: str = ""
    owner: str = "root"
    absent: bool = False

    def __post_init__(self) -> None:
        check_path(self.path)
        check_name(self.owner, "owner")
        if not self.absent and (not self.target or "\0" in self.target or "\n" in self.target):
            raise InputError(f"link {self.path}: target must be a path, not {self.target!r}")

    @property
    def identity(self) -> str:
        return self.path

    @property
    def claims(self) -> tuple[str, ...]:
        return (f"path:{self.path}",)
