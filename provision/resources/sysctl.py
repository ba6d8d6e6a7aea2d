"""A kernel parameter, now and after the next boot."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource, check_word


@dataclass(frozen=True, kw_only=True)
class Sysctl(Resource):
    """`name = value` in `/etc/sysctl.d/60-provision-NAME.conf` and in the running kernel."""

    kind = "sysctl"
    name: str
    value: str = ""
    absent: bool = False

    def __post_init__(self) -> None:
        check_word(self.name, "sysctl name", r"[a-z0-9_]+([./][A-Za-z0-9_-]+)+")
        if "\n" in self.value or (not self.absent and not self.value):
            raise InputError(f"sysctl {self.name}: the value must be one non-empty line")

    @property
    def identity(self) -> str:
        return self.name

    @property
    def path(self) -> str:
        """The drop-in."""
        return f"/etc/sysctl.d/60-provision-{self.name.replace('/', '.')}.conf"

    @property
    def claims(self) -> tuple[str, ...]:
        return (f"path:{self.path}",)
