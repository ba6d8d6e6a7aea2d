"""What the texts of an environment may be: packages as its manager reads them, frameworks, a file to take over."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic_core import core_schema

from provision.profile.conda_fields import MATCH_SPEC
from provision.profile.fields import REQUIREMENT, Rule, mistake
from provision.profile.gpu_fields import HTTP_ADDRESS

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

    from provision.knowledge.model import Knowledge

CONDA, REQUIREMENTS, PYLOCK = "conda", "requirements", "pylock"
"""Kinds of files that an environment can be taken from."""


def file_kind(name: str) -> str:
    """Return what kind of file `name` is: an `environment.yml`, a `requirements.txt`, a `pylock.toml`; empty for none of them."""
    base = name.rpartition("/")[2]
    if base.endswith((".yml", ".yaml")):
        return CONDA
    if base.endswith(".txt"):
        return REQUIREMENTS
    return PYLOCK if re.fullmatch(r"pylock\.(?:[^.]+\.)?toml", base) else ""


@dataclass(frozen=True)
class PackageRule(Rule):
    """A package as the environment's manager reads it: PEP 508 for uv, a MatchSpec for conda."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Check by the `manager` that stands before it; where that is wrong itself, it alone is told."""

        def check(text: str, info: core_schema.ValidationInfo) -> str:
            rules = {"uv": REQUIREMENT, "conda": MATCH_SPEC}
            manager = info.data.get("manager")
            return rules[manager].check(text) if manager in rules else text

        return core_schema.with_info_after_validator_function(check, handler(source))


@dataclass(frozen=True)
class FrameworkRule(Rule):
    """A framework that the tables know, with a release of it if need be."""

    def check(self, text: str) -> str:
        """Return `text`; raises pydantic's error, with the nearest name or release, for one that nobody knows."""
        name, _, version = super().check(text).partition("==")
        from provision.profile.mistakes import unknown_word  # noqa: PLC0415 - only profiles that name one pay for it

        builds = _knowledge().builds
        known = list(dict.fromkeys(build.framework for build in builds))
        if name not in known:
            raise mistake("is no framework that the tables know", unknown_word(name, known))
        releases = [build.version for build in builds if build.framework == name]
        if version and not _some_release(version.removesuffix(".*"), releases):
            nearest = min(sorted(set(releases), key=_number, reverse=True), key=lambda known: _apart(version, known))
            raise mistake(f"is no release of {name} that the tables know", f"the nearest is `{name}=={nearest}`")
        return text


def framework_indexes() -> tuple[str, ...]:
    """Return the addresses of the frameworks' own package indexes."""
    return tuple(dict.fromkeys(build.index for build in _knowledge().builds if build.index))


def _knowledge() -> Knowledge:
    from provision.knowledge.tables import knowledge  # noqa: PLC0415 - as above

    return knowledge()


def _some_release(version: str, releases: list[str]) -> bool:
    from provision.knowledge.question import Framework  # noqa: PLC0415 - as above

    return any(map(Framework(name="", version=version).takes, releases))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.removesuffix(".*").split("."))


def _apart(one: str, other: str) -> list[int]:
    """Return how far two versions are apart, the first number before the second."""
    return [abs(a - b) for a, b in zip(_number(one), _number(other), strict=False)]


@dataclass(frozen=True)
class FileRule(Rule):
    """The path of a file that environments are kept in: beside the profile, or absolute."""

    def check(self, text: str) -> str:
        """Return `text`; raises pydantic's error unless its name says what it holds."""
        if super().check(text) and not file_kind(text):
            raise mistake(self.says, self.hint)
        return text


class Pairs(dict[str, str]):
    """A table of texts that can be part of a key, as profiles are: nobody changes it."""

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none
        return hash(frozenset(self.items()))


FRAMEWORK = FrameworkRule(
    r"[a-z][a-z0-9_-]*(?:==[0-9]{1,6}(?:\.[0-9]{1,6}){0,3}(?:\.\*)?)?",
    "must be a framework's name, with a release if you wish",
    "such as `torch` or `jax==0.11`",
    longest=64,
)
Framework = Annotated[str, FRAMEWORK]
Package = Annotated[
    str, PackageRule(rf"{REQUIREMENT.pattern}|{MATCH_SPEC.pattern}", "must be a package", "such as `torch>=2.6`", longest=300)
]
ImportFile = Annotated[
    str,
    FileRule(
        r"(?:/|~/)?[A-Za-z0-9._+@][A-Za-z0-9._+@-]*(?:/[A-Za-z0-9._+@][A-Za-z0-9._+@-]*)*",
        "must be an `environment.yml`, a `requirements.txt` or a `pylock.toml`",
        'such as `file = "environment.yml"`, beside the profile',
        longest=1024,
        optional=True,
    ),
]
IndexUri = Annotated[
    str,
    Rule(
        HTTP_ADDRESS,
        "must be an http or https address without a password, host in lower case, without a slash at its end",
        "such as `http://mirror.lab/whl`",
        longest=512,
    ),
]
