"""What the texts of a profile may be, each with what a person reads when one is not.

No message repeats a value: a wrong value may be a secret pasted into the wrong field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic_core import PydanticCustomError, core_schema

from provision.errors import InputError
from provision.resources.base import NAME

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler

LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
"""A label of a host name (RFC 1123), in lower case."""
_PROJECT = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_VERSION = r"(?:===|==|~=|!=|<=|>=|<|>) ?[A-Za-z0-9.*+!_-]+"
_VARIABLE = (
    "os_name|sys_platform|platform_(?:machine|python_implementation|release|system|version)"
    "|python_(?:full_)?version|implementation_(?:name|version)|extra"
)
_OPERAND = rf"""(?:{_VARIABLE}|'[A-Za-z0-9_.,+* -]*'|"[A-Za-z0-9_.,+* -]*")"""
_COMPARISON = rf"[( ]*{_OPERAND} *(?:===|==|~=|!=|<=|>=|<|>| in | not in ) *{_OPERAND}[) ]*"
_MARKER = rf"{_COMPARISON}(?:(?:and|or) {_COMPARISON})*"
# One space at most: with more, each long run of them could be split in many ways, and take long to refuse.
_REQUIREMENT = rf"{_PROJECT}(?: ?\[{_PROJECT}(?: ?, ?{_PROJECT})*\])? ?(?:{_VERSION}(?: ?, ?{_VERSION})*)? ?(?:;{_MARKER})?"
_SYSTEM = ("etc", "usr", "boot", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "dev", "proc", "sys", "run")
_PATH = r"(?:~|)(?:/[A-Za-z0-9._+@][A-Za-z0-9._+@-]*)+"


def mistake(message: str, hint: str = "", **context: Any) -> PydanticCustomError:  # noqa: ANN401 - pydantic's context holds anything
    """Return the error a validator raises; `hint` says what to type."""
    return PydanticCustomError("provision", "{message}", {"message": message, "hint": hint, **context})


def check_plain(text: str) -> None:
    """Raise unless `text` is printable ASCII: invisible and look-alike letters make two names look like one."""
    for character in text:
        if not " " <= character <= "~":
            raise mistake(
                f"holds the character U+{ord(character):04X}, only plain ASCII is allowed",
                "it may be invisible or look like another letter: type it anew",
            )


@dataclass(frozen=True)
class Rule:
    """Text that is plain ASCII, at most `longest` characters, and matches `pattern` whole; `says` what it must be."""

    pattern: str
    says: str
    hint: str = ""
    longest: int = 253
    optional: bool = False
    """Whether the empty text is allowed, and means the default."""

    def check(self, text: str) -> str:
        """Return `text`; raises pydantic's error unless it keeps the rule."""
        if not text and self.optional:
            return text
        if not text:
            raise mistake("must not be empty", self.hint)
        if len(text) > self.longest:
            raise mistake(f"has {len(text)} characters, at most {self.longest} are allowed")
        check_plain(text)
        if not re.fullmatch(self.pattern, text):
            raise mistake(self.says, self.hint)
        return text

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Run `check` after pydantic's own check of the type."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Add the pattern, so that editors underline what would be refused."""
        pattern = f"{self.pattern}|" if self.optional else self.pattern
        return {**handler(schema), "pattern": f"^(?:{pattern})$", "maxLength": self.longest}


@dataclass(frozen=True)
class UserRule(Rule):
    """A user's name, and not `root`."""

    def check(self, text: str) -> str:
        """Return `text`; raises pydantic's error for `root` too."""
        if text == "root":
            raise mistake(
                "must not be `root`: whoever reaches its notebooks would own the machine",
                "name an ordinary user",
            )
        return super().check(text)


@dataclass(frozen=True)
class RequirementRule(Rule):
    """A requirement of PEP 508 by name: no option, file or URL."""

    def check(self, text: str) -> str:
        """Return `text`; raises pydantic's error with what is wrong about it."""
        if text.startswith("-"):
            raise mistake("must not start with `-`: it would be read as an option")
        if "@" in text or "://" in text or text.startswith(("/", ".", "~")):
            raise mistake("must be a package's name, not a file or URL", self.hint)
        if re.search(r"[A-Za-z0-9 ]=[^=]", text.partition(";")[0]):
            raise mistake("has a single `=`", "pip's sign for an exact version is `==`")
        return super().check(text)


@dataclass(frozen=True)
class PathRule(Rule):
    """A folder that may be made and removed: below a home (`~/…`) or absolute, and none of the system's."""

    def check(self, text: str) -> str:
        """Return `text`; raises pydantic's error for a folder of the system."""
        parts = text.split("/")[1:]
        if text.rstrip("/") in {"", "~"} and text:
            raise mistake("must be a folder of its own", self.hint)
        if not text.startswith(("/", "~/")) and text:
            raise mistake("must be absolute or start with `~/`", self.hint)
        if any(part in {"", ".", ".."} for part in parts):
            raise mistake("must not hold `..`, `.` or `//`, nor end with `/`", self.hint)
        if text.startswith("/") and self.of_system(parts):
            raise mistake(f"must not be in `/{parts[0]}`: it belongs to the system", self.hint)
        if text.startswith("/") and (len(parts) == 1 or (parts[0] == "home" and len(parts) == 2)):  # noqa: PLR2004 - /home/USER
            raise mistake("must be a folder of its own, this one holds other things", self.hint)
        return super().check(text)

    @staticmethod
    def of_system(parts: list[str]) -> bool:
        """Whether the absolute path of `parts` is where the distribution keeps its files."""
        return parts[0] in _SYSTEM and (parts[:2] != ["usr", "local"] or len(parts) == 2)  # noqa: PLR2004 - /usr/local itself


@dataclass(frozen=True)
class PublicKeyRule(Rule):
    """One public key of OpenSSH, strong enough and without options."""

    def check(self, text: str) -> str:
        """Return `text`; raises pydantic's error with the reason the key is refused."""
        from provision.resources.public_key import check_public_key  # noqa: PLC0415 - only profiles with keys pay for it

        try:
            key = check_public_key(text)
        except InputError as error:
            raise mistake(error.message, error.hint) from None
        return " ".join(filter(None, (key.type, key.base64, key.comment)))


EnvironmentName = Annotated[
    str,
    Rule(
        r"[a-z0-9][a-z0-9._-]*",
        "must be of `a-z`, `0-9`, `.`, `_` and `-`, and start with a letter or digit",
        'such as `name = "torch"`',
        longest=64,
    ),
]
_USER_SAYS = "must be of `a-z`, `0-9`, `_` and `-`, and start with a letter or `_`"
User = Annotated[str, Rule(NAME.pattern, _USER_SAYS, longest=32, optional=True)]
OrdinaryUser = Annotated[str, UserRule(NAME.pattern, _USER_SAYS, longest=32, optional=True)]
Host = Annotated[
    str,
    Rule(
        rf"{LABEL}(?:\.{LABEL})*",
        "must be labels of `a-z`, `0-9` and `-` (RFC 1123), in lower case",
        'such as `hostname = "prometheus"`',
        longest=64,
        optional=True,
    ),
]
Zone = Annotated[
    str,
    Rule(
        r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}",
        "must be a name of the time zone database",
        "`timedatectl list-timezones` lists them, such as `Europe/Paris`",
        longest=64,
        optional=True,
    ),
]
LocaleName = Annotated[
    str,
    Rule(
        r"C|POSIX|C\.(?:utf8|UTF-8)|[a-z]{2,3}_[A-Z]{2}(?:\.[A-Za-z0-9-]+)?(?:@[a-z]+)?",
        "must be a locale",
        "such as `en_US.UTF-8` or `C.UTF-8`",
        longest=64,
        optional=True,
    ),
]
PythonVersion = Annotated[
    str,
    Rule(r"auto|3\.(?:[0-9]|[1-9][0-9])", "must be `auto` or a version such as `3.12`", 'such as `python = "3.12"`', longest=8),
]
REQUIREMENT = RequirementRule(
    _REQUIREMENT, "must be a package's name, with a version if you wish", "such as `torch>=2.6`", longest=300
)
Requirement = Annotated[str, REQUIREMENT]
DistributionPackage = Annotated[
    str,
    Rule(
        r"[a-z0-9][a-z0-9.+-]*[a-z0-9+.](?::[a-z0-9]+)?",
        "must be the name of a package of the distribution",
        "such as `build-essential`",
        longest=128,
    ),
]
Folder = Annotated[
    str,
    PathRule(_PATH, "must be of letters, digits and `. _ + @ -`", 'such as `path = "~/envs/torch"`', longest=1024, optional=True),
]
PublicKey = Annotated[str, PublicKeyRule(r"[a-z0-9@.-]+ [A-Za-z0-9+/=]+(?: .*)?", "must be a public key", longest=16384)]
RoleName = Annotated[str, Rule(r"[a-z][a-z0-9_-]*", "must be a role's name", "`provision roles` lists them", longest=32)]
