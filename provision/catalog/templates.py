"""Texts that roles put on machines: `templates/` beside the roles, rendered by Jinja where they end in `.j2`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import provision
from provision.errors import InputError
from provision.resources.base import Secret

if TYPE_CHECKING:
    from jinja2 import Environment

Value = str | int | bool | tuple["Value", ...] | dict[str, "Value"]
"""What a template may be given."""


def folder(name: str) -> Path:
    """Return the shipped folder `name`: inside the package as in the wheel, else beside it as in a checkout."""
    package = Path(provision.__file__).parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - 90 ms, and most texts need no rendering

    return Environment(
        loader=FileSystemLoader(folder("templates")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - configuration files, not HTML
        keep_trailing_newline=True,
    )


def template(name: str, **values: Value) -> str:
    """Return the template `name` with `values` filled in; a name without `.j2` is a text that takes none.

    Raises `InputError` for an unknown template, a missing value, values a text cannot take, and a `Secret`: a rendered
    text is no longer known to hold one.
    """
    for key, value in values.items():
        _refuse_secrets(key, value)
    if name.endswith(".j2"):
        return _render(name, values)
    if values:
        raise InputError(f"template `{name}` takes no values, its name does not end in `.j2`: {', '.join(values)}")
    try:
        return (folder("templates") / name).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"no template `{name}`: {error.strerror}") from error


def _render(name: str, values: dict[str, Value]) -> str:
    from jinja2 import TemplateError, TemplateNotFound  # noqa: PLC0415 - as above

    try:
        return _environment().get_template(name).render(values)
    except TemplateNotFound as error:
        raise InputError(f"no template `{name}`") from error
    except TemplateError as error:
        raise InputError(f"template `{name}`: {error.message}") from error


def _refuse_secrets(key: str, value: object) -> None:
    if isinstance(value, Secret):
        raise InputError(
            f"a secret must not go through a template: `{key}`", hint="give the file the secret as its whole content"
        )
    if isinstance(value, (tuple, list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            _refuse_secrets(key, item)
