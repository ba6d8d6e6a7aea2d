"""Reading a TOML file that a person gave: whatever it is, the answer is a value or an `InputError` with file and line."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli

from provision.errors import InputError
from provision.profile.lines import MOST_TOKENS, Lines, locate

LARGEST = 1 << 20
"""Bytes of a profile."""
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_SHOWN = 60
"""Characters of a person's own word that a message repeats."""


def shown(word: str) -> str:
    """Return `word` as a message may repeat it: on one line, without control or non-ASCII characters, not endless."""
    plain = "".join(c if " " <= c <= "~" else c.encode("unicode_escape", "backslashreplace").decode() for c in word[: _SHOWN + 1])
    return plain if len(plain) <= _SHOWN else plain[:_SHOWN] + "…"


def field_path(location: tuple[str | int, ...]) -> str:
    """Return `environment[0].name` for `("environment", 0, "name")`."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{shown(part)}" if path else shown(part)
    return path


@dataclass(frozen=True)
class Document:
    """A TOML text that parsed; `name` is how messages call the file."""

    name: str
    text: str
    data: dict[str, Any]
    lines: Lines

    def where(self, *location: str | int) -> str:
        """Return `FILE:LINE` of a field, or `FILE` when the text does not mention it."""
        line = self.lines.line(*location)
        return f"{self.name}:{line}" if line else self.name


def read_bytes(path: Path, largest: int = LARGEST, hint: str = "`provision init` writes a first one") -> bytes:
    """Return the content of the regular file `path`; never blocks on a pipe or a device.

    Raises `InputError` when it is missing (with `hint`), unreadable, of another type, or larger than `largest` bytes.
    """
    name = file_name(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
        raise InputError(f"{name}: {reason.lower()}", hint=hint) from None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise InputError(f"{name}: is {_KINDS.get(stat.S_IFMT(mode), 'not a file')}, a file is needed")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise InputError(f"{name}: {(error.strerror or 'cannot be read').lower()}") from None
    finally:
        os.close(descriptor)
    if len(content) > largest:
        raise InputError(f"{name}: is larger than {largest >> 20} MiB")
    return content


def file_name(path: Path) -> str:
    """Return `path` as messages call it."""
    return "".join(c if c.isprintable() else "?" for c in os.fspath(path))


def decode(content: bytes, name: str) -> str:
    """Return `content` as text, without a byte order mark; raises `InputError` with the line that is not UTF-8."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{name}:1: is UTF-16, UTF-8 is needed", hint=f"`iconv -f UTF-16 -t UTF-8 {name}` prints it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{name}:{line}: is not UTF-8 (byte 0x{content[error.start]:02x})", hint="save it as UTF-8") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{name}:{line}: holds a NUL character", hint="this is not a text file, or it was damaged")
    return text


def parse(text: str, name: str, most: int = MOST_TOKENS) -> Document:
    """Return the TOML document `text` of at most `most` tokens; raises `InputError` with file and line, never with a value."""
    lines = locate(text, name, most)
    try:
        data = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise _syntax(error, name, lines) from None
    except RecursionError:
        raise InputError(f"{name}: nested too deeply") from None
    except ValueError:
        raise InputError(f"{name}: holds a number or date that is out of range") from None
    return Document(name, text, data, lines)


def _syntax(error: tomli.TOMLDecodeError, name: str, lines: Lines) -> InputError:
    if error.msg.startswith("Cannot") and lines.repeated:
        location, before, again = lines.repeated[0]
        return InputError(f"{name}:{again}: {field_path(location)}: is given twice, first on line {before}")
    message = error.msg[:1].lower() + error.msg[1:].replace("'", "`")
    if lines.open and lines.open != error.lineno:
        message += f", inside the bracket opened on line {lines.open}"
    hints = {
        "invalid value": 'text needs quotes: `key = "text"`',
        "invalid statement": "a line is `key = value`, `[table]`, `[[table]]` or `# comment`",
        "expected newline or end of document after a statement": "one `key = value` a line, and text needs quotes",
    }
    return InputError(f"{name}:{error.lineno}: {message}", hint=hints.get(message, ""))


def read_document(path: Path, largest: int = LARGEST) -> Document:
    """Return the TOML document in the file `path`; raises `InputError`."""
    name = file_name(path)
    return parse(decode(read_bytes(path, largest), name), name)
