"""What the kernel boots from, made anew once something that is copied into it has changed."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource, check_path


@dataclass(frozen=True, kw_only=True)
class Initramfs(Resource):
    """The initramfs of every installed kernel, newer (ctime) than each of the files `after`."""

    kind = "initramfs"
    after: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.after:
            raise InputError("initramfs: at least one file in `after` is needed")
        for path in self.after:
            check_path(path, "after")

    @property
    def identity(self) -> str:
        return " ".join(self.after)

    @property
    def title(self) -> str:
        return "of every installed kernel"
