"""The state a systemd unit is in."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource, check_path, check_word
from provision.resources.unit import UNIT


@dataclass(frozen=True, kw_only=True)
class Service(Resource):
    """A systemd unit (any type) that runs, is enabled, is masked; `None` leaves that aspect alone.

    `restart_after` names files: a unit that was started before one of them last changed is restarted. That is read off
    the machine (start time against ctime), so a run killed between the file and the restart is completed by the next.
    """

    kind = "service"
    unit: str
    running: bool | None = True
    enabled: bool | None = True
    masked: bool = False
    restart_after: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_word(self.unit, "unit", UNIT)
        for path in self.restart_after:
            check_path(path, "restart_after")
        if self.masked and (self.running or self.enabled):
            raise InputError(f"service {self.unit}: a masked unit can neither run nor be enabled")

    @property
    def identity(self) -> str:
        return self.unit
