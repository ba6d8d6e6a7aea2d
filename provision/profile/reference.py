"""The reference of the profile's fields, `docs/profile.md`, made from the model: `python -m provision.profile.reference`."""

from __future__ import annotations

import sys
from typing import Any

from provision.profile.schema import json_schema

_HEAD = """\
# The profile

`workstation.toml` says what the machine should be. Every field has a default, so an empty file, or none, works.
It is looked for in this order: `--profile FILE`, `./workstation.toml`, `~/.config/provision/workstation.toml`
(or under `$XDG_CONFIG_HOME`). `provision init` writes a first one; `provision schema` prints a JSON Schema for editors.

Unknown keys and wrong types are errors that name the file, the line and the field. Values are never guessed:
`port = "8888"` is refused, not converted.

<!-- Made from the models in provision/profile by `python -m provision.profile.reference`; edit those. -->
"""


def reference() -> str:
    """Return the text of `docs/profile.md`."""
    schema = json_schema()
    top: dict[str, Any] = {}
    sections = []
    for name, part in schema["properties"].items():
        reference_to = part.get("$ref") or part.get("items", {}).get("$ref")
        if reference_to is None:
            top[name] = part
            continue
        section = schema["$defs"][reference_to.rsplit("/", 1)[1]]
        heading = f"[[{name}]]" if "items" in part else f"[{name}]"
        about = str(section["description"]).partition("`: ")[2]
        about = f"{about[:1].upper()}{about[1:].rstrip('.')}."
        sections.append(f"## `{heading}`\n{about}\n\n{_table(section['properties'], section.get('required', []))}")
    return "\n".join([_HEAD, f"## At the top\n{_table(top, [])}", *sections])


def _table(fields: dict[str, Any], required: list[str]) -> str:
    rows = ["| field | is | default | |", "| --- | --- | --- | --- |"]
    for name, field in fields.items():
        default = "needed" if name in required else f"`{_toml(field['default'])}`"
        rows.append(f"| `{name}` | {_kind(field)} | {default} | {field['description']} |")
    return "\n".join(rows) + "\n"


def _kind(field: dict[str, Any]) -> str:
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f'`"{word}"`' for word in field["enum"])
    if field["type"] == "array":
        return f"list of {_kind(field['items'])}"
    if field["type"] == "object":
        return f"table of {_kind(next(iter(field['patternProperties'].values())))}"
    if field["type"] == "integer":
        return f"{field['minimum']} to {field['maximum']}"
    return {"string": "text", "boolean": "`true` or `false`"}[field["type"]]


def _toml(value: Any) -> str:  # noqa: ANN401 - a default of any field
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return str(value)


if __name__ == "__main__":
    sys.stdout.write(reference())
