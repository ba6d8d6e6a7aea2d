"""Roles, a machine and a profile made for tests of the compiler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from provision.catalog.role import Note, Role
from provision.checks.model import Check
from provision.facts.model import Cpu, Facts, Kernel, Person, System
from provision.profile.model import Profile
from provision.resources import Resource

PEOPLE = (
    Person(name="root", uid=0, home="/root", shell="/bin/bash"),  # noqa: S604 - a path, not a flag
    Person(name="me", uid=1000, home="/home/me", shell="/bin/bash"),  # noqa: S604 - a path, not a flag
)


def facts(*, login: str = "me", people: Sequence[Person] = PEOPLE, python: str = "3.11") -> Facts:
    return Facts(
        hostname="box",
        system=System(id="debian", version="12", codename="bookworm", name="Debian 12", architecture="amd64"),
        kernel=Kernel(running="6.1.0"),
        cpu=Cpu(model="x", cores=2, threads=2),
        memory=1 << 30,
        people=tuple(people),
        login=login,
        python=python,
    )


def role(name: str, *items: Resource | Check | Note, after: tuple[str, ...] = (), why: str = "") -> Role:
    def generate(_profile: Profile, _facts: Facts) -> Iterator[Resource | Check | Note]:
        yield from items

    return Role(name, "", generate, after, lambda _profile, _facts: why)


def roles(*each: Role) -> Mapping[str, Role]:
    return {one.name: one for one in each}
