"""Whose things these are: the one person a role works for."""

from __future__ import annotations

from provision.errors import InputError
from provision.facts.model import Facts, Person
from provision.profile.model import Profile

_FIRST = 1000
"""The first uid of a person on Debian and Ubuntu."""


def person(profile: Profile, facts: Facts, name: str = "") -> Person:
    """Return `name`, else the profile's user, else who called, else the only person there is; never root.

    Raises `InputError` where that is nobody, or more than one.
    """
    asked = name or profile.machine.user
    if asked:
        found = facts.person(asked)
        if found is None:
            raise InputError(
                f"there is no user `{asked}` on {facts.hostname}", hint=f"`sudo adduser {asked}`, or name another user"
            )
        if found.uid == 0:
            raise InputError(
                "environments and Jupyter are not for root", hint='set `[machine] user = "NAME"` to an ordinary user'
            )
        return found
    people = [each for each in facts.people if each.uid >= _FIRST]
    called = [each for each in people if each.name == facts.login]
    if len(called or people) == 1:
        return (called or people)[0]
    names = ", ".join(f"`{each.name}`" for each in people)
    found_text = f"one of {names}" if names else "an ordinary user (there is none on this machine yet)"
    raise InputError("whose environments and Jupyter are these?", hint=f'set `[machine] user = "NAME"` to {found_text}')
