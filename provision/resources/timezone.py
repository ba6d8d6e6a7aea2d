"""The machine's time zone."""

from __future__ import annotations

from dataclasses import dataclass

from provision.resources.base import Resource, check_word


@dataclass(frozen=True, kw_only=True)
class Timezone(Resource):
    """`/etc/localtime` as a link into `/usr/share/zoneinfo`, and `/etc/timezone` where the distribution keeps one."""

    kind = "timezone"
    name: str

    def __post_init__(self) -> None:
        check_word(self.name, "timezone", r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}")

    @property
    def identity(self) -> str:
        return "timezone"

    @property
    def title(self) -> str:
        return self.name
