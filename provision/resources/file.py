"""A regular file with exactly this content."""

from __future__ import annotations

from dataclasses import dataclass

from provision.resources.base import Resource, Text, check_mode, check_name, check_path


@dataclass(frozen=True, kw_only=True)
class File(Resource):
    """A regular file at `path`; `validate` is an argv in which `{}` stands for a scratch copy of the new text.

    `create_only` keeps whatever content is there already (the person's), and only fixes mode and owner.
    """

    kind = "file"
    path: str
    content: Text = ""
    mode: int = 0o644
    owner: str = "root"
    group: str = ""
    absent: bool = False
    create_only: bool = False
    validate: tuple[str, ...] = ()

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
