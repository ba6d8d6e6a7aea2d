"""A command, for what no other resource can say."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource, check_name, check_path, check_word


@dataclass(frozen=True, kw_only=True)
class Command(Resource):
    """`argv`, run unless the path `creates` exists or the argv `unless` exits 0; one guard is required.

    The guard is run again afterwards: a command whose guard still says "needed" did not converge. `timeout` in seconds.
    In a plan it is `opaque`: that it will run is known, what it does is not.
    """

    kind = "command"
    name: str
    argv: tuple[str, ...]
    creates: str = ""
    unless: tuple[str, ...] = ()
    user: str = "root"
    cwd: str = "/"
    environment: tuple[tuple[str, str], ...] = ()
    timeout: int = 3600

    def __post_init__(self) -> None:
        check_word(self.name, "command name", r"[A-Za-z0-9][A-Za-z0-9 @._+:~-]*")
        check_name(self.user, "user")
        check_path(self.cwd, "cwd")
        if self.creates:
            check_path(self.creates, "creates")
        if not self.argv or any("\0" in word for word in (*self.argv, *self.unless)):
            raise InputError(f"command `{self.name}`: argv must be words without NUL")
        if bool(self.creates) == bool(self.unless):
            raise InputError(f"command `{self.name}` needs one guard: `creates` or `unless`")

    @property
    def identity(self) -> str:
        return self.name
