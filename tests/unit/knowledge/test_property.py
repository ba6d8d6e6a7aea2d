"""Whatever is asked: an answer that holds by the tables, or a conflict where trying everything finds nothing either."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from itertools import combinations, cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.errors import InputError
from provision.knowledge.model import Gpu
from provision.knowledge.resolve import resolve
from provision.knowledge.stack import AUTO, Installed, NoSolutionError, Stack, Wish
from provision.knowledge.tables import knowledge
from provision.render.explain import conflict_json, stack_json
from tests.unit.knowledge.checker import violations
from tests.unit.knowledge.commands import wish_of
from tests.unit.knowledge.search import exists_solution

TODAY = dt.date(2026, 11, 22)
FUTURE = "10de:3fa0"
"""An id that no table has."""
OTHER = "1002:744c"
"""A card of another maker's."""
TABLES = knowledge()
SYSTEMS = [row.id for row in TABLES.systems]
NAMES = sorted({row.framework for row in TABLES.builds})


def kinds() -> list[Gpu]:
    """Return one card of each kind that the resolver could tell apart."""
    return list({(gpu.architecture.name, gpu.capability, gpu.first_driver, gpu.flavours): gpu for gpu in TABLES.gpus}.values())


def mostly(often: str, *rarely: str) -> st.SearchStrategy[str]:
    return st.sampled_from([often] * 3) | st.sampled_from(rarely)


def framework(name: str) -> st.SearchStrategy[str]:
    versions = sorted({row.version for row in TABLES.builds if row.framework == name})
    return st.just(name) | st.sampled_from(versions).map(lambda version: f"{name}=={version}")


KERNELS = sorted({kernel for row in TABLES.packages for kernel in row.kernels})
INSTALLED = st.builds(
    Installed,
    branch=st.sampled_from([row.number for row in TABLES.branches]),
    origin=st.sampled_from(["ubuntu", "nvidia", "debian", "ppa", ""]),
    flavour=st.sampled_from(["open", "proprietary", ""]),
    version=st.just(""),
)
"""Also drivers that nobody offers, and that do not drive the cards."""
CARDS = st.sampled_from([gpu.pci for gpu in TABLES.gpus]) | st.sampled_from([gpu.pci for gpu in kinds()])
WISHES = st.builds(
    Wish,
    system=st.sampled_from(SYSTEMS),
    gpus=st.lists(CARDS, min_size=1, max_size=2).map(tuple)
    | st.lists(st.sampled_from([FUTURE, OTHER]) | CARDS, max_size=2).map(tuple),
    today=st.just(TODAY),
    secure_boot=st.sampled_from([True, False, None]),
    desktop=st.booleans(),
    kernel=mostly("", "kvm", "realtime", *KERNELS),
    installed=st.none() | INSTALLED,
    branch=mostly(AUTO, *(str(row.number) for row in TABLES.branches)),
    flavour=mostly(AUTO, "open", "proprietary"),
    origin=mostly(AUTO, "ubuntu", "nvidia", "debian"),
    toolkits=st.sampled_from([(AUTO,)] * 4 + [()])
    | st.lists(st.sampled_from([row.version for row in TABLES.toolkits]), max_size=2, unique=True).map(tuple),
    frameworks=st.lists(st.sampled_from(NAMES), max_size=3, unique=True).flatmap(
        lambda names: st.tuples(*(framework(name) for name in names))
    ),
    python=mostly(AUTO, *(row.version for row in TABLES.pythons)),
)


def answer(wish: Wish) -> Stack | NoSolutionError:
    try:
        return resolve(wish)
    except NoSolutionError as error:
        return error


def holds(wish: Wish) -> None:
    found = answer(wish)
    if isinstance(found, Stack):
        assert violations(wish, found) == []
        assert exists_solution(wish)
        assert json.loads(stack_json(found))["schema"] == 1
        return
    assert found.conflict.because
    assert all(found.conflict.because)
    assert found.conflict.nearest
    assert not exists_solution(wish)
    assert json.loads(conflict_json(found.conflict))["error"] == "no-solution"


@settings(max_examples=70, deadline=None)
@given(WISHES)
def test_every_answer_holds(wish: Wish) -> None:
    holds(wish)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(WISHES)
def test_every_one_of_many_answers_holds(wish: Wish) -> None:
    holds(wish)


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_kind_of_card_on_each_system(system: str) -> None:
    for gpu in kinds():
        holds(Wish(system=system, gpus=(gpu.pci,), today=TODAY))


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_each_card_on_each_system(system: str) -> None:
    for gpu in TABLES.gpus:
        holds(Wish(system=system, gpus=(gpu.pci,), today=TODAY, secure_boot=True, frameworks=("torch",)))


@pytest.mark.parametrize("system", SYSTEMS)
def test_two_generations_at_a_time(system: str) -> None:
    generations = list({gpu.architecture.name: gpu.pci for gpu in TABLES.gpus}.values())
    for pair, secure_boot in zip(combinations(generations, 2), cycle([True, False, None])):
        holds(Wish(system=system, gpus=pair, today=TODAY, secure_boot=secure_boot))


@settings(max_examples=20, deadline=None)
@given(WISHES)
def test_the_order_of_cards_does_not_matter(wish: Wish) -> None:
    one, other = answer(wish), answer(replace(wish, gpus=wish.gpus[::-1]))
    if isinstance(one, Stack) and isinstance(other, Stack):
        assert replace(one, gpus=(), reasons=(), rejected=(), warnings=()) == replace(
            other, gpus=(), reasons=(), rejected=(), warnings=()
        )
    else:
        assert isinstance(one, NoSolutionError) == isinstance(other, NoSolutionError)


@settings(max_examples=20, deadline=None)
@given(WISHES)
def test_the_nearest_wish_works(wish: Wish) -> None:
    found = answer(wish)
    if isinstance(found, NoSolutionError) and "provision explain" in found.conflict.nearest:
        assert exists_solution(wish_of(found.conflict.nearest, TODAY))
        assert isinstance(answer(wish_of(found.conflict.nearest, TODAY)), Stack)


ODD = st.text(max_size=12) | st.sampled_from(
    ["", "10de", "10de:", "10de:1E84", "10DE:1e84", "0", "-1", "1e9", "auto ", "\u0663.\u0661", "3.12\n"]
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["system", "branch", "flavour", "origin", "python"]), ODD, WISHES)
def test_what_nobody_knows_is_bad_input_and_nothing_else(field: str, text: str, wish: Wish) -> None:
    try:
        resolve(replace(wish, **{field: text}))  # type: ignore[arg-type]  # one of the fields that hold a word
    except (InputError, NoSolutionError):
        return


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["gpus", "toolkits", "frameworks"]), st.lists(ODD, min_size=1, max_size=2))
def test_lists_of_what_nobody_knows_too(field: str, texts: list[str]) -> None:
    wish = Wish(system=SYSTEMS[0], gpus=("10de:1e84",), today=TODAY)
    try:
        resolve(replace(wish, **{field: tuple(texts)}))  # type: ignore[arg-type]  # one of the fields that hold words
    except (InputError, NoSolutionError):
        return


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("system", "ubuntu-20.04"),
        ("system", "fedora-43"),
        ("gpus", ("1e84",)),
        ("gpus", ("10de:1e84", "10de:xyzw")),
        ("branch", "581"),
        ("flavour", "closed"),
        ("origin", "arch"),
        ("toolkits", ("12.7",)),
        ("frameworks", ("pytorch",)),
        ("frameworks", ("torch==9.9",)),
        ("frameworks", ("torch==2.14; rm -rf /",)),
        ("python", "2.7"),
    ],
)
def test_bad_input_says_what_would_be_good(field: str, value: str | tuple[str, ...]) -> None:
    wish = Wish(system="ubuntu-24.04", gpus=("10de:1e84",), today=TODAY)
    with pytest.raises(InputError) as caught:
        resolve(replace(wish, **{field: value}))  # type: ignore[arg-type]  # the field's own type
    assert caught.value.hint
