"""A group."""

from __future__ import annotations

from dataclasses import dataclass

from provision.resources.base import Resource, check_name


@dataclass(frozen=True, kw_only=True)
class Group(Resource):
    """A group that exists."""

    kind = "group"
    name: str
    system: bool = False

    def __post_init__(self) -> None:
        check_name(self.name, "group name")

    @property
    def identity(self) -> str:
        return self.name
