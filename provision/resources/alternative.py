"""Which of several programs or folders a common name leads to, by `update-alternatives`."""

from __future__ import annotations

from dataclasses import dataclass

from provision.resources.base import Resource, check_path, check_word


@dataclass(frozen=True, kw_only=True)
class Alternative(Resource):
    """The alternative `name` (`cuda`), whose `link` (`/usr/local/cuda`) leads to `path`, one of those registered for it."""

    kind = "alternative"
    name: str
    link: str
    path: str

    def __post_init__(self) -> None:
        check_word(self.name, "alternative name", r"[A-Za-z0-9][A-Za-z0-9@._+:-]*")
        check_path(self.link, "link")
        check_path(self.path)

    @property
    def identity(self) -> str:
        return self.name

    @property
    def title(self) -> str:
        return f"{self.link} → {self.path}"

    @property
    def claims(self) -> tuple[str, ...]:
        return (self.key, f"path:{self.link}")
