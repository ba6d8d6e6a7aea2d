"""What a person reads when a file does not fit its model: `FILE:LINE: field: what is wrong`, and what to type.

Values are never repeated, only keys: a wrong value may be a secret.
"""

from __future__ import annotations

import difflib
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from provision.errors import InputError
from provision.profile.document import Document, field_path, shown
from provision.profile.lines import Location

MOST = 10
"""Mistakes that are listed; the rest are counted."""
_LATER: dict[tuple[str, ...], tuple[str, ...]] = {
    (): ("storage", "parts"),
}
"""Keys of the format that this version does not know yet."""
_TYPES = {
    bool: "a boolean",
    int: "a whole number",
    float: "a decimal number",
    str: "text",
    list: "a list",
    tuple: "a list",
    dict: "a table",
}
_WANTED = {
    "string_type": ("text", 'put it in quotes: `"…"`'),
    "int_type": ("a whole number", "write it without quotes and without a decimal point"),
    "bool_type": ("a boolean", "`true` or `false`, without quotes"),
    "tuple_type": ("a list", 'put it in brackets: `["…"]`'),
    "model_type": ("a table", ""),
    "dict_type": ("a table", 'such as `{ name = "…" }`'),
}


def explain(error: ValidationError, model: type[BaseModel], document: Document) -> InputError:
    """Return the mistakes of `document`, in the order of its lines, as one error."""
    found = error.errors(include_url=False)
    located = sorted(((_location(detail), detail) for detail in found), key=lambda entry: document.lines.line(*entry[0]))
    messages: list[str] = []
    hints: dict[str, None] = {}
    for location, detail in located[:MOST]:
        message, hint = _say(detail, location, model, document)
        messages.append(f"{document.where(*location)}: {field_path(_named(location, model))}: {message}")
        if hint:
            hints[hint if len(found) == 1 else f"line {document.lines.line(*location)}: {hint}"] = None
    if len(found) > MOST:
        messages.append(f"and {len(found) - MOST} more")
    return InputError("\n".join(messages), hint="\n".join(hints))


def _location(detail: ErrorDetails) -> Location:
    return (*detail["loc"], *detail.get("ctx", {}).get("at", ()))


def _named(location: Location, model: type[BaseModel]) -> Location:
    """Return what of `location` a message repeats: not the keys of a table of texts, which may be secrets as values may."""
    for index, part in enumerate(location):
        info = _fields(model).get(str(part))
        if info is not None and get_origin(info.annotation) is dict:
            return location[: index + 1]
        model = _inner(model, str(part)) or model
    return location


def _say(detail: ErrorDetails, location: Location, model: type[BaseModel], document: Document) -> tuple[str, str]:
    kind = detail["type"]
    if kind == "provision":
        context = detail["ctx"]
        other = document.lines.line(*detail["loc"], *context["other"]) if "other" in context else 0
        return context["message"] + (f", on line {other}" if other else ""), context["hint"]
    if kind == "extra_forbidden":
        return _unknown(location, model)
    if kind == "missing":
        return "is missing", f"write `{location[-1]} = …`"
    if kind == "literal_error":
        return _literal(detail["input"], location, model)
    if kind in {"greater_than_equal", "less_than_equal"}:
        return _range(location, model)
    return _wrong_type(detail, location)


def _wrong_type(detail: ErrorDetails, location: Location) -> tuple[str, str]:
    kind = detail["type"]
    wanted, hint = _WANTED[kind]
    got = _TYPES.get(type(detail["input"]), "a date or time")
    if kind == "model_type":
        hint = f"write `[{location[-1]}]`, once" if isinstance(location[-1], str) else ""
    elif kind == "tuple_type" and isinstance(detail["input"], dict):
        wanted, hint = "a list of tables", f"write `[[{location[-1]}]]`, with two brackets"
    return f"must be {wanted}, not {got}", hint


def _model_at(location: Location, model: type[BaseModel]) -> type[BaseModel]:
    for part in location:
        if isinstance(part, str):
            model = _inner(model, part) or model
    return model


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _inner(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    info = _fields(model).get(key)
    kinds = () if info is None else (info.annotation, *get_args(info.annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _unknown(location: Location, model: type[BaseModel]) -> tuple[str, str]:
    table, key = location[:-1], str(location[-1])
    tables = tuple(part for part in table if isinstance(part, str))
    if key in _LATER.get(tables, ()):
        name = key if tables else f"[{key}]"
        return f"`{name}` is not supported by this version yet", "leave it out"
    here = _fields(_model_at(table, model))
    near = difflib.get_close_matches(key.lower(), here, n=1)
    if near:
        return "unknown key", f"did you mean `{near[0]}`?"
    for name in _fields(model) if tables else ():
        if name == key:
            return "unknown key here", f"`{key}` stands at the top, before the first `[table]`"
    for name in _fields(model):
        section = _inner(model, name)
        if section and key in _fields(section) and (name,) != tables:
            return "unknown key here", f"`{key}` stands in `[{name}]`"
    return "unknown key", f"known here: {', '.join(f'`{name}`' for name in here)}"


def _field(location: Location, model: type[BaseModel]) -> Any:  # noqa: ANN401 - pydantic's FieldInfo
    return _fields(_model_at(location[:-1], model))[str(location[-1])]


def _literal(value: object, location: Location, model: type[BaseModel]) -> tuple[str, str]:
    allowed = get_args(_field(location, model).annotation)
    near = difflib.get_close_matches(value.lower(), allowed, n=1) if isinstance(value, str) else []
    words = " or ".join(f'`"{word}"`' for word in allowed)
    return f"must be {words}", f"did you mean `{near[0]}`?" if near else ""


def _range(location: Location, model: type[BaseModel]) -> tuple[str, str]:
    bounds = {type(rule).__name__.lower(): rule for rule in _field(location, model).metadata}
    return f"must be {bounds['ge'].ge} to {bounds['le'].le}", ""


def unknown_word(word: str, known: list[str]) -> str:
    """Return the hint for a `word` that is none of `known`: the nearest, or all of them."""
    near = difflib.get_close_matches(word.lower(), known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known: {', '.join(f'`{shown(name)}`' for name in known)}"
