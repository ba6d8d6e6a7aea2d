"""Finding and reading the profile."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from provision.errors import InputError
from provision.profile.document import Document, file_name, parse, read_document
from provision.profile.lines import Lines
from provision.profile.lock import Lock
from provision.profile.mistakes import explain
from provision.profile.model import Profile

FILE = "workstation.toml"
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class LoadedProfile:
    """A profile with what its `file`s hold, the file it came from (`None`: the defaults) and its text."""

    profile: Profile
    path: Path | None
    text: str = field(repr=False)
    lines: Lines = field(repr=False)
    locks: Mapping[str, Lock] = field(default_factory=dict, repr=False)
    """The locks that environments have in files of their own, by name."""

    def where(self, *location: str | int) -> str:
        """Return `FILE:LINE` of a field such as `("roles", 0)`, or of the nearest table around it."""
        if self.path is None:
            return "the default profile"
        line = self.lines.line(*location)
        return f"{file_name(self.path)}:{line}" if line else file_name(self.path)


def home_folder() -> Path | None:
    """Return provision's folder under `$XDG_CONFIG_HOME` or `~/.config`; `None` when there is no home."""
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    if configured.startswith("/"):
        return Path(configured) / "provision"
    try:
        return Path.home() / ".config/provision"
    except RuntimeError:
        return None


def find_profile() -> Path | None:
    """Return the profile that is used when none is named: in this folder, else in the home's, else `None`.

    Raises `InputError` when the one in this folder belongs to a stranger, who would decide about this machine.
    """
    here = Path(FILE)
    if os.path.lexists(here):
        _refuse_strangers(here)
        return here
    folder = home_folder()
    if folder and os.path.lexists(folder / FILE):
        return folder / FILE
    return None


def _refuse_strangers(path: Path) -> None:
    try:
        status = path.stat()
    except OSError:
        return
    mine = {"0", str(os.geteuid()), os.environ.get("SUDO_UID", "")}
    if str(status.st_uid) not in mine or (stat.S_ISREG(status.st_mode) and status.st_mode & stat.S_IWOTH):
        raise InputError(
            f"./{path}: others than you can write it, so it is not used unasked",
            hint=f"`--profile ./{path}` uses it all the same",
        )


def load_profile(path: Path | None = None) -> LoadedProfile:
    """Return the profile in `path`, else the one that is found, else the defaults.

    Raises `InputError` with `FILE:LINE: field: message` for each mistake, and never a value of the file.
    """
    path = path or find_profile()
    if path is None:
        return LoadedProfile(Profile(), None, "", Lines({}))
    document = read_document(path)
    profile = build(Profile, document)
    locks: Mapping[str, Lock] = {}
    if any(environment.file for environment in profile.environment):
        from provision.profile.imports import with_files  # noqa: PLC0415 - reads YAML, and few profiles have such files

        profile, locks = with_files(profile, path, document.where)
    return LoadedProfile(profile, path, document.text, document.lines, locks)


def parse_profile(text: str, name: str = FILE) -> Profile:
    """Return the profile in `text`, called `name` in messages, without what its `file`s hold; raises `InputError`."""
    return build(Profile, parse(text, name))


def build(model: type[_Model], document: Document) -> _Model:
    """Return `document` as `model`; raises `InputError` with every mistake in it."""
    try:
        return model.model_validate(_tuples(document.data))
    except ValidationError as error:
        raise explain(error, model, document) from None


def _tuples(value: Any) -> Any:  # noqa: ANN401 - any TOML value; strict models take tuples, TOML has lists
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value
