"""A user account."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource, check_name, check_path


@dataclass(frozen=True, kw_only=True)
class User(Resource):
    """An account; `groups` are added to those the user already has. Never removes an account or changes a password."""

    kind = "user"
    name: str
    groups: tuple[str, ...] = ()
    shell: str = ""
    home: str = ""
    system: bool = False
    comment: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, "user name")
        for group in self.groups:
            check_name(group, "group name")
        for path, field in ((self.shell, "shell"), (self.home, "home")):
            if path:
                check_path(path, field)
        if ":" in self.comment or "\n" in self.comment:
            raise InputError(f"user {self.name}: the comment must hold neither `:` nor a newline")

    @property
    def identity(self) -> str:
        return self.name
