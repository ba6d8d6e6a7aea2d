"""Components of the distribution's own archive, such as `contrib` and `non-free`."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource, check_word


@dataclass(frozen=True, kw_only=True)
class AptComponents(Resource):
    """Components that every source of the distribution itself names, and an index fetched since they do.

    The sources that are there are edited in place: whichever mirror they name, in either format, security and updates too.
    """

    kind = "apt_components"
    components: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.components:
            raise InputError("apt components: at least one is needed")
        for name in self.components:
            check_word(name, "component", r"[a-z0-9][a-z0-9-]*")

    @property
    def identity(self) -> str:
        return " ".join(self.components)
