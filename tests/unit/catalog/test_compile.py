"""One catalog of many roles: deduplicated, without conflicts, with its locks."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from provision.catalog.compile import Selection, compile_catalog, select_roles
from provision.catalog.model import Catalog, RoleNote, dump
from provision.catalog.notes import with_stops
from provision.catalog.role import Note, Role, Unfit
from provision.checks.model import Check, Probe
from provision.errors import InputError, ProvisionError
from provision.profile.lock import Lock
from provision.profile.model import Profile
from provision.resources import File, Link, Packages, Resource, UvEnvironment
from provision.resources.conda_environment import CondaEnvironment
from tests.unit.catalog.made import facts, role

ENVIRONMENT = UvEnvironment(name="torch", path="/home/me/envs/torch", program="/opt/uv", requirements=("numpy",), owner="me")


def compiled(*each: Role, python: str = "3.11", locks: dict[str, Lock] | None = None) -> Catalog:
    return compile_catalog(Profile(), facts(python=python), Selection(roles=each), locks=locks)


def resources(*each: Role) -> list[tuple[str, Resource]]:
    return [(entry.role, entry.resource) for entry in compiled(*each).entries]


def test_resources_and_checks_keep_their_order_and_their_role() -> None:
    one, other = File(path="/etc/one"), File(path="/etc/other")
    check = Check(name="works", proves="it works", probe=Probe(argv=("true",)))
    catalog = compiled(role("b", other, check), role("a", one))
    assert [(entry.role, entry.resource) for entry in catalog.entries] == [("b", other), ("a", one)]
    assert [(item.role, item.check) for item in catalog.checks] == [("b", check)]


def test_identical_resources_are_kept_once_where_they_come_first() -> None:
    same = File(path="/etc/one", content="x")
    assert resources(role("a", same), role("b", same, same)) == [("a", same)]


@pytest.mark.parametrize("other", [File(path="/etc/one", content="y"), Link(path="/etc/one", target="/etc/two")])
def test_two_wishes_for_one_path_name_both_roles_and_the_path(other: Resource) -> None:
    with pytest.raises(InputError, match=r"`path:/etc/one` is claimed by roles `a` and `b`") as caught:
        compiled(role("a", File(path="/etc/one", content="x")), role("b", other))
    assert "--skip b" in caught.value.hint


def test_one_role_at_odds_with_itself() -> None:
    with pytest.raises(InputError, match=r"is claimed by role `a` twice"):
        compiled(role("a", File(path="/etc/one", content="x"), File(path="/etc/one")))


def test_packages_two_roles_want_are_asked_for_once() -> None:
    first, second = Packages(names=("git", "tmux"), recommends=False), Packages(names=("tmux", "curl", "git"))
    assert resources(role("a", first), role("b", second, second)) == [("a", first), ("b", Packages(names=("curl",)))]


@pytest.mark.parametrize("change", [{"hold": True}, {"absent": True}, {"answers": (("git", "a", "b", "c"),)}])
def test_packages_wanted_in_two_ways(change: dict[str, Any]) -> None:
    other = dataclasses.replace(Packages(names=("curl", "git")), **change)
    with pytest.raises(InputError, match=r"`package:git` is claimed by roles `a` and `b`"):
        compiled(role("a", Packages(names=("git",))), role("b", other))


def lock_in(catalog: Catalog) -> str:
    resource = catalog.entries[0].resource
    assert isinstance(resource, UvEnvironment)
    return resource.lock


def test_an_environment_gets_its_lock_by_name() -> None:
    catalog = compiled(role("a", ENVIRONMENT), locks={"torch": Lock("numpy==2 --hash=sha256:00\n"), "other": Lock("x")})
    assert lock_in(catalog) == "numpy==2 --hash=sha256:00\n"
    assert lock_in(compiled(role("a", ENVIRONMENT), locks={"other": Lock("x")})) == ""


@pytest.mark.parametrize(
    ("request_id", "python", "used"),
    [(ENVIRONMENT.request, "3.11", True), (ENVIRONMENT.request, "3.13", False), ("0" * 16, "3.11", False)],
    ids=["fits", "other python", "other request"],
)
def test_a_lock_for_something_else_is_left_aside(request_id: str, python: str, *, used: bool) -> None:
    lock = f"#    provision request={request_id} python=3.11\nnumpy==2\n"
    catalog = compiled(role("a", ENVIRONMENT), python=python, locks={"torch": Lock(lock)})
    assert lock_in(catalog) == (lock if used else "")


CONDA_ENVIRONMENT = CondaEnvironment(
    name="torch",
    path="/home/me/envs/torch",
    owner="me",
    python="/opt/r/bin/python",
    program="/opt/c.py",
    specs=("numpy",),
    channels=(("conda-forge", ""),),
    pip=("fastai",),
    uv="/opt/uv",
)


@pytest.mark.parametrize(
    ("conda", "pip", "expected"),
    [
        ("request=REQUEST platform=linux-64", "request=PIP python=3.11", (True, True)),
        ("request=REQUEST platform=linux-64", "request=0000 python=3.11", (True, False)),
        ("request=REQUEST platform=linux-aarch64", "request=PIP python=3.11", (False, False)),
        ("request=0000 platform=linux-64", "request=PIP python=3.11", (False, False)),
        ("", "request=PIP python=3.11", (False, False)),
        ("by hand", "by hand", (True, True)),
    ],
    ids=["fits", "other pip request", "other platform", "other request", "no conda lock", "made by a person"],
)
def test_both_locks_of_a_conda_environment(conda: str, pip: str, expected: tuple[bool, bool]) -> None:
    want = CONDA_ENVIRONMENT

    def filled(text: str) -> str:
        return text.replace("REQUEST", want.request).replace("PIP", want.pip_request)

    lock = Lock(f"#    provision {filled(pip)}\n", f"# provision {filled(conda)}\n" if conda else "")
    (entry,) = compiled(role("a", want), locks={"torch": lock}).entries
    assert isinstance(entry.resource, CondaEnvironment)
    assert (bool(entry.resource.lock), bool(entry.resource.pip_lock)) == expected


def test_a_pip_lock_is_not_for_a_conda_environment_that_asks_nothing_of_pip() -> None:
    want = dataclasses.replace(CONDA_ENVIRONMENT, pip=())
    (entry,) = compiled(role("a", want), locks={"torch": Lock("# by hand\n", "# by hand\n")}).entries
    assert isinstance(entry.resource, CondaEnvironment)
    assert (entry.resource.lock, entry.resource.pip_lock) == ("# by hand\n", "")


# Notes

NOTE = Note(summary="580 proprietary", why="the last for Pascal", warnings=("no fixes after 2028",))


def test_notes_are_kept_by_role_and_asked_of_no_machine() -> None:
    catalog = compiled(role("a", NOTE, File(path="/etc/one")), role("b", File(path="/etc/two")))
    assert catalog.notes == (RoleNote(role="a", note=NOTE),)
    assert "Pascal" not in repr(dump(catalog, redact=False))
    assert catalog == compiled(role("a", File(path="/etc/one")), role("b", File(path="/etc/two")))


@pytest.mark.parametrize(("why", "shown"), [(Unfit("nothing fits the card"), True), ("no GPU", False), (Unfit(""), False)])
def test_a_role_that_nothing_fits_is_left_out_and_noted(why: str, *, shown: bool) -> None:
    found = dataclasses.replace(role("a", File(path="/etc/one")), skipped=lambda _profile, _facts: why)
    selection = select_roles(Profile(), facts(), {"a": found, "b": role("b", File(path="/etc/two"))})
    assert dict(selection.skipped) == ({"a": why} if why else {})
    notes = compile_catalog(Profile(), facts(), selection).notes
    assert [(each.role, each.skipped) for each in notes] == ([("a", why)] if shown else [])


def test_why_an_apply_would_stop_joins_the_roles_own_note() -> None:
    notes = with_stops((RoleNote(role="a", note=NOTE),), {"b": ProvisionError("busy", hint="wait"), "a": ProvisionError("no")})
    assert notes == (
        RoleNote(role="a", note=NOTE, stops="no"),
        RoleNote(role="b", note=Note(summary=""), stops="busy", hint="wait"),
    )
