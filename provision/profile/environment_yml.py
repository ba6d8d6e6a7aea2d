"""What is taken over from conda's `environment.yml`: channels, packages and those of pip."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import PydanticCustomError

from provision.errors import InputError
from provision.profile.conda_fields import CHANNEL, MATCH_SPEC
from provision.profile.document import decode, file_name, read_bytes, shown
from provision.profile.mistakes import unknown_word
from provision.profile.requirements_txt import Requirements
from provision.profile.yaml_tree import Items, Table, Text, Value, read_yaml, texts

_KEYS = ("name", "channels", "dependencies", "prefix", "variables")
_NOT_CONDAS = "nodefaults"
"""Among the channels: conda's word for "and not those of Anaconda", which are never used here."""
_PYTHON = re.compile(r"python *(?:==|=| ) *(3\.[0-9]+)(\.\*|)((?:\.[0-9]+|[ =]).*)?")


@dataclass(frozen=True, kw_only=True)
class EnvironmentYml:
    """`python` is the minor version that the file settles, empty where it does not; `lines` where each package stands."""

    channels: tuple[str, ...]
    packages: tuple[str, ...]
    lines: tuple[int, ...]
    python: str
    python_line: int
    pip: Requirements


def read_environment_yml(path: Path, hint: str) -> EnvironmentYml:
    """Return what `path` holds; raises `InputError` with file and line, and `hint` when it is not there."""
    name = file_name(path)
    table = read_yaml(decode(read_bytes(path, hint=hint), name), name)
    if not isinstance(table, Table):
        raise InputError(f"{name}:{table.line}: must be a table", hint="`channels:` and `dependencies:`, each with a list")
    for key, line in table.lines.items():
        if key not in _KEYS:
            raise InputError(f"{name}:{line}: {shown(key)}: unknown key", hint=unknown_word(key, list(_KEYS)))
    variables = table.entries.get("variables")
    if variables is not None and variables != Text(variables.line, ""):
        raise InputError(
            f"{name}:{table.lines['variables']}: variables: are not taken over",
            hint="leave them out; `conda env config vars set` keeps them in the environment once it is there",
        )
    return _taken(table, path, name)


def _taken(table: Table, path: Path, name: str) -> EnvironmentYml:
    nothing = Text(1, "")
    channels = [text for text in texts(table.entries.get("channels", nothing), name, "channels") if text.text != _NOT_CONDAS]
    pip, packages, python = Requirements(), [], Text(0, "")
    for item in _dependencies(table.entries.get("dependencies", nothing), name):
        if isinstance(item, Text):
            spec = Text(item.line, " ".join(item.text.split()))
            _check(MATCH_SPEC.check, spec, name, "dependencies")
            found = _PYTHON.fullmatch(spec.text)
            python = Text(item.line, found[1]) if found else python
            if not found or found[3]:
                packages.append(spec)
        else:
            for requirement in _pip(item, name):
                pip.take(requirement.text.strip(), requirement.line, path, (path.resolve(),))
    for channel in channels:
        _check(CHANNEL.check, channel, name, "channels")
    return EnvironmentYml(
        channels=tuple(dict.fromkeys(channel.text for channel in channels)),
        packages=tuple(package.text for package in packages),
        lines=tuple(package.line for package in packages),
        python=python.text,
        python_line=python.line,
        pip=pip,
    )


def _dependencies(value: Value, name: str) -> list[Value]:
    if value == Text(value.line, ""):
        return []
    if not isinstance(value, Items):
        raise InputError(f"{name}:{value.line}: dependencies: must be a list", hint="one `- …` a line")
    return value.items


def _pip(value: Value, name: str) -> list[Text]:
    if not isinstance(value, Table) or list(value.entries) != ["pip"]:
        raise InputError(f"{name}:{value.line}: dependencies: must be text, or `pip:` with a list")
    return list(texts(value.entries["pip"], name, "pip"))


def _check(check: Callable[[str], str], text: Text, name: str, what: str) -> None:
    try:
        check(text.text)
    except PydanticCustomError as error:
        context = error.context or {}
        raise InputError(f"{name}:{text.line}: {what}: {context['message']}", hint=context["hint"]) from None
