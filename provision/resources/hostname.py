"""The machine's name."""

from __future__ import annotations

from dataclasses import dataclass

from provision.resources.base import Resource, check_word


@dataclass(frozen=True, kw_only=True)
class Hostname(Resource):
    """The static host name (RFC 1123, at most 63 characters a label), in `/etc/hostname` and the running kernel.

    Also kept resolvable: `127.0.1.1 NAME` in `/etc/hosts`, as Debian's installer writes it.
    """

    kind = "hostname"
    name: str

    def __post_init__(self) -> None:
        label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
        check_word(self.name, "hostname", rf"{label}(\.{label})*")

    @property
    def identity(self) -> str:
        return "hostname"

    @property
    def title(self) -> str:
        return self.name
