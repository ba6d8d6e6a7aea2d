"""What a role is: a generator of resources and checks, what it needs before it, and when it must not go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from provision.catalog.model import Note
from provision.checks.model import Check
from provision.errors import ProvisionError
from provision.facts.model import Facts
from provision.profile.model import Profile
from provision.resources.base import Resource

__all__ = ["Circumstances", "Note", "Role", "Unfit", "role"]


class Unfit(str):
    """Why a role is left out that a person would look for: nothing fits the hardware. A plan shows it."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """How an apply came about: over SSH or here, with `--even-if-busy` or not; `pending` are the kinds the role would change."""

    remote: bool
    even_if_busy: bool
    pending: frozenset[str]


Yields = Iterator[Resource | Check] | Iterator[Resource | Check | Note]
Generator = Callable[[Profile, Facts], Yields]
Applies = Callable[[Profile, Facts], str]
Stops = Callable[[Profile, Facts, Circumstances], ProvisionError | None]


def _always(_profile: Profile, _facts: Facts) -> str:
    return ""


def _never(_profile: Profile, _facts: Facts, _circumstances: Circumstances) -> None:
    return None


@dataclass(frozen=True)
class Role:
    """A named role. `after` must come before it, and are added when it is asked for by name; `summary` is one line."""

    name: str
    summary: str
    generate: Generator
    after: tuple[str, ...]
    skipped: Applies
    """Why this machine cannot use the role, or an empty string (read when the profile says `auto`)."""
    stops: Stops = _never
    """Why an apply must not begin although the plan is sound, or `None`; asked where the role has something to change."""


def role(*, after: tuple[str, ...] = (), skipped: Applies = _always, stops: Stops = _never) -> Callable[[Generator], Role]:
    """Make a generator function a role; its name is the function's, its summary the first line of its module's docstring.

    `skipped(profile, facts)` returns why the role is not for this machine, or an empty string (a plan shows an `Unfit`);
    `stops(profile, facts, circumstances)` the error with which an apply ends before it begins, or `None`.
    """

    def wrap(function: Generator) -> Role:
        module_doc = str(function.__globals__.get("__doc__") or function.__doc__ or "")
        summary = module_doc.strip().splitlines()[0].rstrip(".") if module_doc.strip() else ""
        return Role(function.__name__, summary, function, after, skipped, stops)

    return wrap
