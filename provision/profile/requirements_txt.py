"""What is taken over from a `requirements.txt`: packages by name, `-r` and `-c`; never where they come from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from pydantic_core import PydanticCustomError

from provision.errors import InputError
from provision.profile.document import decode, file_name, read_bytes
from provision.profile.fields import REQUIREMENT, check_plain

MOST_FILES = 32
MOST_REQUIREMENTS = 10_000
_COMMENT = re.compile(r"(?:^|\s)#.*")
_INCLUDE = re.compile(r"(-r|-c|--requirement|--constraint)(?:\s+|=|(?<=-[rc]))(\S+)")
_WHERE = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--trusted-host", "--proxy", "--cert")
_BY_NAME = "it must be the name of a package, with a version if you wish"


@dataclass
class Requirements:
    """What was read so far: `asked` and `constraints` in their order, each once."""

    asked: dict[str, None] = field(default_factory=dict)
    constraints: dict[str, None] = field(default_factory=dict)
    files: int = 0

    def read(self, path: Path, hint: str, within: tuple[Path, ...] = (), *, constraint: bool = False) -> None:
        """Take over the file `path` and those it names; raises `InputError` with file and line."""
        name = file_name(path)
        self.files += 1
        if self.files > MOST_FILES:
            raise InputError(f"{name}: more than {MOST_FILES} files include one another")
        if path.resolve() in within:
            raise InputError(f"{name}: includes itself", hint=hint)
        for line, text in _lines(decode(read_bytes(path, hint=hint), name)):
            self.take(text, line, path, (*within, path.resolve()), constraint=constraint)

    def take(self, text: str, line: int, path: Path, within: tuple[Path, ...] = (), *, constraint: bool = False) -> None:
        """Take over one requirement, or the file that `-r` or `-c` names, relative to `path`."""
        where = f"{file_name(path)}:{line}"
        found = _INCLUDE.fullmatch(text)
        if found is not None:
            if not re.fullmatch(r"[A-Za-z0-9._+@/-]+", found[2]) or found[2].startswith("-"):
                raise InputError(f"{where}: what it includes must be a file", hint="by its path beside this file")
            included = path.parent / found[2]
            self.read(included, f"`{where}` includes it", within, constraint=constraint or found[1] in {"-c", "--constraint"})
            return
        requirement = _checked(text, where)
        into = self.constraints if constraint else self.asked
        into[requirement] = None
        if len(into) > MOST_REQUIREMENTS:
            raise InputError(f"{where}: more than {MOST_REQUIREMENTS} requirements")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (first line, text) of what `text` asks for, without comments, continued lines joined."""
    begun, joined = 0, ""
    for number, line in enumerate([*text.splitlines(), ""], 1):
        begun = begun or number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            joined += line[:-1] + " "
            continue
        wanted = _COMMENT.sub("", joined + line).strip()
        if wanted:
            yield begun, wanted
        begun, joined = 0, ""


def _checked(text: str, where: str) -> str:
    if text.startswith("-"):
        _refuse_option(re.split(r"[\s=]", text)[0], where)
    if re.search(r"\s--hash\b", text):
        raise InputError(
            f"{where}: has hashes, which only a lock may have",
            hint="`uv pip compile --format pylock.toml` makes a lock that can be taken over",
        )
    if re.search(r"\s--?[a-z]", text.partition(";")[0]):
        raise InputError(f"{where}: options of a requirement are not taken over", hint=_BY_NAME)
    try:
        check_plain(text)
        return REQUIREMENT.check(_spelt(text))
    except PydanticCustomError as error:
        context = error.context or {}
        raise InputError(f"{where}: {context['message']}", hint=context["hint"]) from None


def _spelt(text: str) -> str:
    """Return a requirement with the spaces it needs, and no brackets around its versions."""
    name, semicolon, marker = text.partition(";")
    name = re.sub(r"\(([^()]*)\)", r"\1", name)
    name = re.sub(r"\s*(===|==|~=|!=|<=|>=|<|>|,|\[|\])\s*", r"\1", name).strip()
    return f"{name}; {' '.join(marker.split())}" if semicolon else name


def _refuse_option(option: str, where: str) -> NoReturn:
    if option in _WHERE or option.startswith(("-i", "-f")):
        raise InputError(
            f"{where}: says where packages come from, which is the machine's own setting",
            hint="`pip config set global.index-url …` on the machine; `frameworks` brings the index of a framework's builds",
        )
    if option in {"-e", "--editable"}:
        raise InputError(f"{where}: a project in a folder is not taken over", hint=_BY_NAME)
    raise InputError(f"{where}: pip's options are not taken over", hint="leave the line out")
