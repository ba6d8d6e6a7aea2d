"""Which roles run, and in which order."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.catalog.compile import select_roles
from provision.catalog.role import Role
from provision.errors import InputError
from provision.profile.model import Profile
from tests.unit.catalog.made import facts, role, roles

ROLES = roles(
    role("ssh", after=("base",)),
    role("jupyter", after=("environments", "base")),
    role("environments", after=("base",), why="the profile has no `[[environment]]`"),
    role("base"),
    role("nvidia", after=("base",), why="no NVIDIA GPU"),
    role("cuda", after=("nvidia",), why="no NVIDIA GPU"),
)


def names(*asked: str, skip: tuple[str, ...] = (), profile: tuple[str, ...] = ("auto",)) -> list[str]:
    wanted = Profile(roles=profile)
    return [each.name for each in select_roles(wanted, facts(), ROLES, asked, skip).roles]


def test_auto_takes_what_this_machine_can_use_and_says_why_not_the_rest() -> None:
    assert names() == ["base", "jupyter", "ssh"]
    skipped = dict(select_roles(Profile(), facts(), ROLES).skipped)
    assert skipped == {
        "cuda": "no NVIDIA GPU",
        "environments": "the profile has no `[[environment]]`",
        "nvidia": "no NVIDIA GPU",
    }


def test_named_roles_bring_what_they_come_after_and_nothing_else() -> None:
    assert names("ssh") == ["base", "ssh"]
    assert names("jupyter", profile=("ssh",)) == ["base", "jupyter"]
    assert names(profile=("ssh",)) == ["base", "ssh"]


def test_a_named_role_runs_even_where_auto_would_not() -> None:
    assert names("nvidia") == ["base", "nvidia"]
    assert names("cuda") == ["base", "cuda"]
    assert names("cuda", "nvidia") == ["base", "nvidia", "cuda"]


def test_auto_beside_names_adds_to_them() -> None:
    assert names("auto", "nvidia") == ["base", "jupyter", "nvidia", "ssh"]


def test_skip_leaves_out_whatever_asked_for_it() -> None:
    assert names(skip=("ssh", "base")) == ["jupyter"]
    assert names("ssh", skip=("base",)) == ["ssh"]
    assert select_roles(Profile(), facts(), ROLES, ("ssh",), ("base",)).skipped == (("base", "`--skip`"),)


@pytest.mark.parametrize(("asked", "skip"), [(("jupiter",), ()), ((), ("jupiter",))])
def test_an_unknown_name_suggests_the_nearest(asked: tuple[str, ...], skip: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="unknown role `jupiter`") as caught:
        names(*asked, skip=skip)
    assert caught.value.hint == "did you mean `jupyter`?"


def test_an_unknown_name_far_from_all_is_sent_to_the_list() -> None:
    with pytest.raises(InputError) as caught:
        names("zzz")
    assert caught.value.hint == "`provision roles` lists them"


def test_a_role_after_an_unknown_one() -> None:
    with pytest.raises(InputError, match="unknown role `bass`, which role `mine` comes after"):
        select_roles(Profile(), facts(), roles(role("mine", after=("bass",)), role("base")))


def test_a_cycle_is_named() -> None:
    loop = roles(role("a", after=("c",)), role("b", after=("a",)), role("c", after=("b",)), role("d", after=("c",)))
    with pytest.raises(InputError, match="roles wait for each other: a → c → b → a"):
        select_roles(Profile(), facts(), loop)


def test_a_role_after_itself_is_a_cycle() -> None:
    with pytest.raises(InputError, match="roles wait for each other: a → a"):
        select_roles(Profile(), facts(), roles(role("a", after=("a",))))


@st.composite
def graphs(draw: st.DrawFn) -> Mapping[str, Role]:
    """Roles that come only after roles drawn earlier, so that there is no cycle."""
    found: dict[str, Role] = {}
    for name in draw(st.lists(st.text("abcdef", min_size=1, max_size=3), unique=True, max_size=12)):
        after = draw(st.lists(st.sampled_from(sorted(found)), unique=True)) if found else []
        found[name] = role(name, after=tuple(after))
    return found


@given(graphs())
def test_every_role_once_after_those_it_comes_after_whatever_the_order_they_were_found_in(graph: dict[str, Role]) -> None:
    order = [each.name for each in select_roles(Profile(), facts(), graph).roles]
    assert sorted(order) == sorted(graph)
    for name in order:
        assert all(order.index(before) < order.index(name) for before in graph[name].after)
    backwards = dict(reversed(list(graph.items())))
    assert [each.name for each in select_roles(Profile(), facts(), backwards).roles] == order


@given(graphs())
def test_names_decide_where_nothing_else_does(graph: dict[str, Role]) -> None:
    order = [each.name for each in select_roles(Profile(), facts(), graph).roles]
    for index, (one, other) in enumerate(itertools.pairwise(order)):
        ready = set(graph[other].after) <= set(order[:index])
        assert one < other or not ready
