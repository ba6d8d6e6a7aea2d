"""The stack of a machine: what roles that install a part of it agree on."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from provision.catalog.role import Unfit
from provision.errors import ProvisionError
from provision.facts.model import Facts
from provision.profile.model import Profile

if TYPE_CHECKING:
    import datetime as dt

    from provision.knowledge.stack import Stack

_TOOLKIT = re.compile(r"(?:not confirmed by a source: )?(?:no |the packages of |the compilers of )?CUDA |.*\bcompilers of ")


@lru_cache(maxsize=4)
def stack_of(profile: Profile, facts: Facts) -> Stack:
    """Return the driver and toolkits for a machine; raises `NoSolutionError` and `InputError` as `resolve` does."""
    from provision.knowledge.resolve import resolve  # noqa: PLC0415 - 60 ms that only machines with a GPU pay
    from provision.knowledge.wish import wish_for  # noqa: PLC0415 - as above

    return resolve(wish_for(profile, facts, today(facts)))


def unsolvable(profile: Profile, facts: Facts) -> str:
    """Return why nothing fits a machine that was left to us altogether; empty where it does, or the profile asks for something.

    What a person asks for, and cannot have, is an error that their roles raise; the rest of the machine goes on without.
    """
    if profile.nvidia != type(profile.nvidia)() or profile.cuda != type(profile.cuda)():
        return ""
    try:
        stack_of(profile, facts)
    except ProvisionError as error:
        conflict = getattr(error, "conflict", None)
        return Unfit("; ".join(conflict.because) if conflict is not None else error.message)
    return ""


def today(facts: Facts) -> dt.date:
    """Return the day by the machine's clock, never one before the tables were read: such a clock is wrong, or was not asked."""
    import datetime as dt  # noqa: PLC0415 - as above

    from provision.knowledge.tables import knowledge  # noqa: PLC0415 - as above

    read = max(source.date for source in knowledge().sources)
    return dt.date.fromisoformat(max(facts.date, read))


def warnings(stack: Stack, *, toolkits: bool) -> tuple[str, ...]:
    """Return the warnings about the toolkits, or those about the driver: each belongs to one role, and Python's to neither."""
    said = (warning for warning in stack.warnings if not warning.startswith("support of Python "))
    return tuple(warning for warning in said if bool(_TOOLKIT.match(warning)) == toolkits)
