"""A reboot that happens at most once."""

from __future__ import annotations

from dataclasses import dataclass

from provision.resources.base import Resource, check_path, check_word


@dataclass(frozen=True, kw_only=True)
class Reboot(Resource):
    """A reboot, needed while one of `after` changed since this boot began (ctime against the boot's start).

    Whether the machine did reboot is told by `/proc/sys/kernel/random/boot_id`, never by uptime.
    """

    kind = "reboot"
    name: str
    because: str
    after: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_word(self.name, "reboot name")
        for path in self.after:
            check_path(path, "after")

    @property
    def identity(self) -> str:
        return self.name
