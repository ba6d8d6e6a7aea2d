"""Distribution packages that are installed, or are not."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource, check_word


@dataclass(frozen=True, kw_only=True)
class Packages(Resource):
    """Packages by name; adjacent ones in a catalog become one apt transaction.

    `hold` keeps them from upgrades (unattended ones too) and is lifted only while we change them ourselves.
    `answers` are debconf selections: (package, question, type, value), set before the install.
    `recommends` is false for `--no-install-recommends`. `max_index_age` in seconds: an older index is fetched first.
    `replaces` are packages that go in the same transaction, held or not: those the wanted ones cannot stand beside.
    """

    kind = "packages"
    names: tuple[str, ...]
    absent: bool = False
    hold: bool = False
    recommends: bool = True
    answers: tuple[tuple[str, str, str, str], ...] = ()
    max_index_age: int = 86400
    replaces: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.names:
            raise InputError("packages: at least one name is needed")
        if self.absent and self.replaces:
            raise InputError("packages: only what is installed can take the place of others")
        for name in (*self.names, *self.replaces):
            # `NAME-` asks apt to remove NAME. `NAME+` is a name first (`g++`, `memtest86+`), and the provider
            # refuses what apt would install in its place where there is no such package.
            check_word(name, "package name", r"[a-z0-9][a-z0-9.+-]*[a-z0-9.+](:[a-z0-9]+)?")
        for answer in self.answers:
            if len(answer) != 4 or any("\n" in part for part in answer):  # noqa: PLR2004 - package, question, type, value
                raise InputError("packages: an answer is (package, question, type, value), each one line")

    @property
    def identity(self) -> str:
        return " ".join(self.names)

    @property
    def claims(self) -> tuple[str, ...]:
        return tuple(f"package:{name}" for name in self.names)
