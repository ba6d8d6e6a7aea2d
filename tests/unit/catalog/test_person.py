"""Whose environments these are."""

from __future__ import annotations

import pytest

from provision.catalog.person import person
from provision.errors import InputError
from provision.facts.model import Person
from provision.profile.model import Machine, Profile
from tests.unit.catalog.made import PEOPLE, facts

YOU = Person(name="you", uid=1001, home="/home/you", shell="/bin/bash")  # noqa: S604 - a path, not a flag


def wanting(user: str) -> Profile:
    return Profile(machine=Machine(user=user))


@pytest.mark.parametrize(
    ("login", "people", "user", "name", "expected"),
    [
        ("me", (*PEOPLE, YOU), "", "", "me"),
        ("root", PEOPLE, "", "", "me"),
        ("me", (*PEOPLE, YOU), "you", "", "you"),
        ("me", (*PEOPLE, YOU), "me", "you", "you"),
        ("daemon", PEOPLE, "", "", "me"),
    ],
    ids=["who calls", "root for the only person", "as the profile says", "as the section says", "a service for the only person"],
)
def test_who_it_is(login: str, people: tuple[Person, ...], user: str, name: str, expected: str) -> None:
    assert person(wanting(user), facts(login=login, people=people), name).name == expected


@pytest.mark.parametrize(
    ("login", "people", "user", "said"),
    [
        ("root", PEOPLE[:1], "", "there is none on this machine yet"),
        ("root", (*PEOPLE, YOU), "", "to one of `me`, `you`"),
        ("me", PEOPLE, "nobody-here", "sudo adduser nobody-here"),
        ("me", PEOPLE, "root", "to an ordinary user"),
    ],
    ids=["nobody", "two", "unknown", "root"],
)
def test_who_it_cannot_be(login: str, people: tuple[Person, ...], user: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        person(wanting(user), facts(login=login, people=people))
    assert said in caught.value.hint
