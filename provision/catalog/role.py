"""What a role is: a generator of resources and checks, and what it needs before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from provision.checks.model import Check
from provision.facts.model import Facts
from provision.profile.model import Profile
from provision.resources.base import Resource

Yields = Iterator[Resource | Check]
Generator = Callable[[Profile, Facts], Yields]
Applies = Callable[[Profile, Facts], str]


def _always(_profile: Profile, _facts: Facts) -> str:
    return ""


@dataclass(frozen=True)
class Role:
    """A named role. `after` must come before it, and are added when it is asked for by name; `summary` is one line."""

    name: str
    summary: str
    generate: Generator
    after: tuple[str, ...]
    skipped: Applies
    """Why this machine cannot use the role, or an empty string (read when the profile says `auto`)."""


def role(*, after: tuple[str, ...] = (), skipped: Applies = _always) -> Callable[[Generator], Role]:
    """Make a generator function a role; its name is the function's, its summary the first line of its module's docstring.

    `skipped(profile, facts)` returns why the role is not for this machine, or an empty string.
    """

    def wrap(function: Generator) -> Role:
        module_doc = str(function.__globals__.get("__doc__") or function.__doc__ or "")
        summary = module_doc.strip().splitlines()[0].rstrip(".") if module_doc.strip() else ""
        return Role(function.__name__, summary, function, after, skipped)

    return wrap
