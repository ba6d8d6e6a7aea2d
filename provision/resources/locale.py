"""The machine's default locale."""

from __future__ import annotations

from dataclasses import dataclass

from provision.resources.base import Resource, check_word


@dataclass(frozen=True, kw_only=True)
class Locale(Resource):
    """`LANG=NAME` in `/etc/default/locale`, generated first when it is neither `C.UTF-8` nor present."""

    kind = "locale"
    name: str

    def __post_init__(self) -> None:
        check_word(self.name, "locale", r"C|POSIX|C\.(utf8|UTF-8)|[a-z]{2,3}_[A-Z]{2}(\.[A-Za-z0-9-]+)?(@[a-z]+)?")

    @property
    def identity(self) -> str:
        return "locale"

    @property
    def title(self) -> str:
        return self.name
