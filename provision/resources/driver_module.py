"""The gate before a reboot: the kernel that boots next has a driver that will work there."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource


@dataclass(frozen=True, kw_only=True)
class DriverModule(Resource):
    """An `nvidia` module for the kernel that boots next; a run ends here, before its reboot, where there is none.

    `flavour` is `open`, `proprietary` or empty for either; `branch` a driver's branch (580) or 0 for any. `signed`: somebody
    signed it, with a key the firmware knows where the machine's own DKMS did. `headers`: that kernel's are there, so that
    the module can be built again.
    """

    kind = "driver_module"
    flavour: str = ""
    branch: int = 0
    signed: bool = False
    headers: bool = False

    def __post_init__(self) -> None:
        if self.flavour not in {"", "open", "proprietary"}:
            raise InputError(f"driver module: no such flavour: {self.flavour!r}", hint="`open`, `proprietary` or empty")
        if isinstance(self.branch, bool) or self.branch < 0:
            raise InputError(f"driver module: no such branch: {self.branch!r}")

    @property
    def identity(self) -> str:
        return "nvidia"

    @property
    def title(self) -> str:
        return " ".join(filter(None, ("nvidia", str(self.branch or ""), self.flavour, "for the kernel that boots next")))
