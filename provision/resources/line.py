"""A line, or a marked block of lines, in a file that other people own too."""

from __future__ import annotations

from dataclasses import dataclass

from provision.errors import InputError
from provision.resources.base import Resource, check_path, check_word


@dataclass(frozen=True, kw_only=True)
class Line(Resource):
    """Lines kept between `# BEGIN provision: NAME` and `# END provision: NAME` in the file at `path`.

    Everything outside the markers stays byte for byte. For files without a drop-in directory only.
    `create` makes a missing file (mode 0644, root); otherwise a missing file is an error.
    """

    kind = "line"
    path: str
    name: str
    lines: tuple[str, ...] = ()
    absent: bool = False
    create: bool = False
    comment: str = "#"
    validate: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_path(self.path)
        check_word(self.name, "name")
        if not self.comment or not self.comment.isprintable():
            raise InputError(f"line in {self.path}: the comment sign must be printable, not {self.comment!r}")
        if any("\n" in line or "\0" in line for line in self.lines):
            raise InputError(f"line in {self.path}: each line must be a single line")
        if any("BEGIN provision:" in line or "END provision:" in line for line in self.lines):
            raise InputError(f"line in {self.path}: a line must not look like our markers")

    @property
    def identity(self) -> str:
        return f"{self.path}#{self.name}"
