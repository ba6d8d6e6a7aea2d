"""The type of profile fields that hold secrets, such as a URL with a password in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic_core import core_schema

from provision.profile.fields import mistake
from provision.resources.base import Secret

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler


def _secret(text: str) -> Secret:
    if any(character < " " or character == "\x7f" for character in text):
        raise mistake("must be one line without control characters")
    return Secret(text)


@dataclass(frozen=True)
class _FromText:
    """Takes text, keeps a `Secret`, gives back `***`."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(
            _secret,
            core_schema.str_schema(strict=True),
            serialization=core_schema.plain_serializer_function_ser_schema(repr),
        )

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "writeOnly": True}


SecretText = Annotated[Secret, _FromText()]
"""One line of text that no dump, message or `repr` shows; a role hands the `Secret` on to its resources."""
