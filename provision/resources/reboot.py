"""A reboot that happens at most once."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource, check_path, check_word


@dataclass(frozen=True, kw_only=True)
class Reboot(Resource):
    """A reboot, needed while one of `after` changed since this boot began (ctime against the boot's start).

    With `unless_loaded` (`nvidia`) also while the loaded driver is not the one on disk for the kernel that boots next, or
    the kernel's own driver holds the GPU. One that was made for the same file and did not help is not made again.
    Whether the machine did reboot is told by `/proc/sys/kernel/random/boot_id`, never by uptime.
    """

    kind = "reboot"
    name: str
    because: str
    after: tuple[str, ...] = ()
    unless_loaded: str = ""

    def __post_init__(self) -> None:
        check_word(self.name, "reboot name")
        for path in self.after:
            check_path(path, "after")
        if self.unless_loaded not in {"", "nvidia"}:
            raise InputError(f"reboot `{self.name}`: only `nvidia` can be waited for, not {self.unless_loaded!r}")

    @property
    def identity(self) -> str:
        return self.name
