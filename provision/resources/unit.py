"""A systemd unit file, or a drop-in of one."""

from __future__ import annotations

from dataclasses import dataclass

from provision.resources.base import Resource, check_word

UNIT = r"[A-Za-z0-9:_.\\@-]+\.(service|socket|timer|mount|target|path|slice)"


@dataclass(frozen=True, kw_only=True)
class Unit(Resource):
    """`/etc/systemd/system/NAME`, or `NAME.d/DROPIN.conf`; systemd is told to reload when it has not read it yet."""

    kind = "unit"
    name: str
    content: str = ""
    dropin: str = ""
    absent: bool = False

    def __post_init__(self) -> None:
        check_word(self.name, "unit name", UNIT)
        if self.dropin:
            check_word(self.dropin, "drop-in name", r"[A-Za-z0-9][A-Za-z0-9_-]*")

    @property
    def identity(self) -> str:
        return f"{self.name}/{self.dropin}" if self.dropin else self.name

    @property
    def path(self) -> str:
        """Where the text lies."""
        base = f"/etc/systemd/system/{self.name}"
        return f"{base}.d/{self.dropin}.conf" if self.dropin else base

    @property
    def claims(self) -> tuple[str, ...]:
        return (f"path:{self.path}",)
