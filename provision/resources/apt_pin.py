"""A preference that says which origin or version apt may take."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource, check_word


@dataclass(frozen=True, kw_only=True)
class AptPin(Resource):
    """`/etc/apt/preferences.d/NAME`; `pin` is apt's own text (`version 570.*`, `release l=NVIDIA CUDA`), apt_preferences(5)."""

    kind = "apt_pin"
    name: str
    packages: tuple[str, ...] = ()
    pin: str = ""
    priority: int = 500
    absent: bool = False

    def __post_init__(self) -> None:
        check_word(self.name, "name", r"[a-z0-9][a-z0-9_-]*")
        for package in self.packages:
            check_word(package, "package", r"[a-z0-9*?/][A-Za-z0-9.+*?/:^$|()\[\]-]*")
        if not self.absent and not (self.packages and self.pin):
            raise InputError(f"apt pin `{self.name}` needs packages and a pin")
        check_word(self.pin or "x", "pin", r"[A-Za-z0-9][^\n\r\0]*")

    @property
    def identity(self) -> str:
        return self.name

    @property
    def path(self) -> str:
        """Where the preference lies."""
        return f"/etc/apt/preferences.d/{self.name}"

    @property
    def claims(self) -> tuple[str, ...]:
        return (f"path:{self.path}",)
