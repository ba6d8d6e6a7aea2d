"""What every resource is: frozen data with an identity, that travels as JSON.

A resource of kind `apt_source` is the class `AptSource` in `provision/resources/apt_source.py`; its provider is
`provider` in `provision/agent/providers/apt_source.py`. There is no registry besides the folder.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import re
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from provision.errors import InputError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
"""User and group names; Debian's own `useradd` would accept `../etc` and `a;b`."""

Json = Any
"""A value `json.dumps` accepts."""


class Secret:
    """Text that is never shown: `repr`, `str`, plans, diffs, journals and redacted dumps all say `***`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself; call it only where the bytes are used."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True)
class Blob:
    """Bytes too large for the catalog: it carries their SHA-256 and size, the agent asks for those it lacks."""

    sha256: str
    size: int

    @classmethod
    def of(cls, data: bytes) -> Blob:
        """Return the reference for `data`."""
        return cls(sha256=hashlib.sha256(data).hexdigest(), size=len(data))


Text = str | Secret | Blob


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One wanted thing on a machine."""

    kind: ClassVar[str]

    @property
    def identity(self) -> str:
        """What makes this resource itself among its kind (a path, a name)."""
        raise NotImplementedError

    @property
    def key(self) -> str:
        """`kind:identity`, unique in a catalog."""
        return f"{self.kind}:{self.identity}"

    @property
    def title(self) -> str:
        """What people call it in a plan."""
        return self.identity

    @property
    def claims(self) -> tuple[str, ...]:
        """Things only one resource may own, such as `path:/etc/hosts`; used to find conflicts and dependants."""
        return (self.key,)


def check_path(path: str, field: str = "path") -> None:
    """Raise `InputError` unless `path` is absolute, normalised and free of control characters."""
    if not path.startswith("/") or (path != "/" and path.endswith("/")):
        raise InputError(f"{field} must be absolute, without a trailing slash: {path!r}")
    if _CONTROL.search(path) or any(part in {"", ".", ".."} for part in path.split("/")[1:] if path != "/"):
        raise InputError(f"{field} must not hold `..`, `.`, `//` or control characters: {path!r}")


def check_name(name: str, field: str) -> None:
    """Raise `InputError` unless `name` is a safe user or group name."""
    if not NAME.fullmatch(name):
        raise InputError(f"{field} is not an acceptable name: {name!r}", hint="use a-z, 0-9, `_` and `-`, at most 32")


def check_word(value: str, field: str, pattern: str = r"[A-Za-z0-9][A-Za-z0-9@._+:~-]*") -> None:
    """Raise `InputError` unless `value` matches `pattern` whole, so it can never be read as an option or a path."""
    if not re.fullmatch(pattern, value):
        raise InputError(f"{field} is not acceptable: {value!r}")


def check_setting(name: str, value: str) -> None:
    """Raise `InputError` unless `name=value` is an environment variable of one line, without a password in a URL."""
    check_word(name, "setting", r"[A-Z][A-Z0-9_]*")
    if _CONTROL.search(value):
        raise InputError(f"setting {name} must be one line without control characters")
    if re.search(r"://[^/\s]*@", value):
        raise InputError(f"setting {name} holds credentials", hint="keep them in the machine's own pip, uv or netrc file")


def check_mode(mode: int) -> None:
    """Raise `InputError` unless `mode` is a permission mode (0 to 0o7777)."""
    if not 0 <= mode <= 0o7777:  # noqa: PLR2004 - all permission bits
        raise InputError(f"mode out of range: {mode:o}")


def resource_class(kind: str) -> type[Resource]:
    """Return the class of `kind`, importing only its module; raises `InputError` for an unknown kind."""
    check_word(kind, "kind", r"[a-z][a-z_]*")
    try:
        module = importlib.import_module(f"provision.resources.{kind}")
    except ModuleNotFoundError as error:
        raise InputError(f"unknown resource kind `{kind}`") from error
    found = getattr(module, "".join(part.capitalize() for part in kind.split("_")), None)
    if getattr(found, "kind", "") != kind:  # `base` and `public_key` are modules, not kinds
        raise InputError(f"unknown resource kind `{kind}`")
    return cast("type[Resource]", found)


def _encode(value: Json, *, redact: bool) -> Json:
    if isinstance(value, tuple):
        return [_encode(item, redact=redact) for item in value]
    if isinstance(value, Secret):
        return {"$secret": "***" if redact else value.reveal()}
    if isinstance(value, Blob):
        return {"$blob": value.sha256, "size": value.size}
    return value


def _decode(value: Json) -> Json:
    if isinstance(value, list):
        return tuple(_decode(item) for item in value)
    if isinstance(value, dict):
        if "$secret" in value:
            return Secret(value["$secret"])
        return Blob(sha256=value["$blob"], size=value["size"])
    return value


def dump(resource: Resource, *, redact: bool = True) -> dict[str, Json]:
    """Return `resource` as JSON-able data; secrets are `***` unless `redact` is false (the wire to the agent only)."""
    out: dict[str, Json] = {"kind": resource.kind}
    for field in dataclasses.fields(resource):
        value = getattr(resource, field.name)
        if value != field.default:
            out[field.name] = _encode(value, redact=redact)
    return out


def load(data: dict[str, Json]) -> Resource:
    """Return the resource that `dump(..., redact=False)` described; raises `InputError` on unknown fields."""
    fields = dict(data)
    cls = resource_class(fields.pop("kind"))
    try:
        return cls(**{name: _decode(value) for name, value in fields.items()})
    except TypeError as error:
        raise InputError(f"malformed `{cls.kind}` resource: {error}") from error
