"""Who may log in as a user with a key."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource, check_name
from provision.resources.public_key import check_public_key


@dataclass(frozen=True, kw_only=True)
class AuthorizedKeys(Resource):
    """Public keys present in `~USER/.ssh/authorized_keys`; keys that are there already stay, in their order.

    A key is `type base64 [comment]` with no options, as OpenSSH writes it. With `exclusive` others are removed.
    """

    kind = "authorized_keys"
    user: str
    keys: tuple[str, ...]
    exclusive: bool = False

    def __post_init__(self) -> None:
        check_name(self.user, "user")
        for key in self.keys:
            try:
                check_public_key(key)
            except InputError as error:
                raise InputError(f"authorized key for {self.user}: {error.message}", hint=error.hint) from error

    @property
    def identity(self) -> str:
        return self.user
