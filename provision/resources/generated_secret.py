"""A secret that is born on the machine and never leaves it unasked."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource, check_mode, check_name, check_path


@dataclass(frozen=True, kw_only=True)
class GeneratedSecret(Resource):
    """`length` random bytes in hexadecimal at `path`, made once from the kernel's generator and then left alone."""

    kind = "generated_secret"
    path: str
    length: int = 24
    mode: int = 0o600
    owner: str = "root"

    def __post_init__(self) -> None:
        check_path(self.path)
        check_mode(self.mode)
        check_name(self.owner, "owner")
        if not 16 <= self.length <= 1024:  # noqa: PLR2004 - 128 bits at least
            raise InputError(f"generated secret {self.path}: length must be 16 to 1024 bytes")

    @property
    def identity(self) -> str:
        return self.path

    @property
    def claims(self) -> tuple[str, ...]:
        return (f"path:{self.path}",)
