"""The JSON Schema of the profile, so that editors complete and check `workstation.toml`."""

from __future__ import annotations

import ast
import itertools
from functools import cache
from pathlib import Path
from typing import Any

from provision.profile import environment, model

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@cache
def descriptions() -> dict[str, dict[str, str]]:
    """Return, by class of the models, the texts below its fields; read from the source, which costs nothing at import."""
    sources = [Path(str(module.__file__)).read_text(encoding="utf-8") for module in (environment, model)]
    nodes = (node for source in sources for node in ast.parse(source).body)
    return {node.name: _field_texts(node.body) for node in nodes if isinstance(node, ast.ClassDef)}


def _field_texts(body: list[ast.stmt]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for field, text in itertools.pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            texts[field.target.id.rstrip("_")] = " ".join(text.value.value.split())
    return texts


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of `workstation.toml`."""
    schema = model.Profile.model_json_schema(by_alias=True)
    for name, part in {"Profile": schema, **schema["$defs"]}.items():
        for field, property_ in part["properties"].items():
            property_.pop("title", None)
            if field in descriptions()[name]:
                property_["description"] = descriptions()[name][field]
    return {"$schema": DIALECT, **schema, "title": "workstation.toml"}
