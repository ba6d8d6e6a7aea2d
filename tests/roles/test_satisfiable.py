"""On every recorded machine, every ready-made environment can be had: read back from what is generated, by the tables alone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from provision.catalog.compile import compile_catalog, select_roles
from provision.catalog.stack import stack_of, today
from provision.facts.model import Facts
from provision.knowledge.model import Build
from provision.knowledge.presets import presets
from provision.knowledge.stack import AUTO, CudnnChoice, FrameworkChoice, NoSolutionError, Stack, Wish
from provision.knowledge.tables import knowledge
from provision.knowledge.wish import wish_for
from provision.profile.model import Profile
from provision.resources import CondaEnvironment, UvEnvironment
from tests.roles.machines import FIT, machine, shipped
from tests.unit.knowledge.cudnn import constraints
from tests.unit.knowledge.environments import frameworks, rows
from tests.unit.knowledge.options import Question
from tests.unit.knowledge.search import exists_solution

Environment = UvEnvironment | CondaEnvironment
NAMES = {row.framework for row in knowledge().builds}
MACHINES = tuple(
    {(f.system.id, f.system.version, tuple(gpu.pci for gpu in f.gpus)): name for name in FIT for f in [machine(name)]}.values()
)
"""One of those that differ in nothing but how their driver is broken."""
ASKED = (*((name,) for name in presets()), ("torch", "tensorflow", "jax"), ("torch==2.15", "tensorflow"))


def profile(asked: tuple[str, ...], manager: str) -> Profile:
    ready = len(asked) == 1 and asked[0] in presets()
    environment = {"name": asked[0], "manager": manager} if ready else {"name": "mine", "manager": manager, "frameworks": asked}
    return Profile.model_validate({"environment": (environment,)})


def answered(facts: Facts, wanted: Profile) -> tuple[list[Environment], tuple[str, ...]]:
    """Return the environments of people that a profile comes to, and what is warned of."""
    selection = select_roles(wanted, facts, shipped(), ("environments",))
    catalog = compile_catalog(wanted, facts, selection)
    resources = [entry.resource for entry in catalog.entries]
    environments = [each for each in resources if isinstance(each, UvEnvironment | CondaEnvironment) and each.name != "base"]
    return environments, tuple(warning for each in catalog.notes for warning in each.note.warnings)


def asked_of_pip(environment: Environment) -> tuple[str, ...]:
    return environment.requirements if isinstance(environment, UvEnvironment) else environment.pip


def limits(environment: Environment) -> tuple[str, ...]:
    return environment.constraints if isinstance(environment, UvEnvironment) else environment.pip_constraints


def python(environment: Environment) -> str:
    if isinstance(environment, UvEnvironment):
        return environment.python
    return next(spec.removeprefix("python=") for spec in environment.specs if spec.startswith("python="))


def driven(facts: Facts) -> Wish:
    """Return the wish for a machine that has, or gets, the driver which the resolver names without frameworks."""
    wish = replace(wish_for(Profile(), facts, today(facts)), toolkits=())
    try:
        driver = stack_of(Profile(), facts).driver
    except NoSolutionError:
        return wish
    return replace(wish, branch=str(driver.branch), flavour=driver.flavour, origin=driver.origin) if driver else wish


def row(requirement: str, environment: Environment, architecture: str) -> Build | None:
    """Return the one build that pip can only take for a requirement, with the index it is bound to; `None` for other packages."""
    name = re.split(r"[\[=<>!]", requirement)[0]
    if name not in NAMES:
        return None
    bound = {package: url for _, url, packages in environment.indexes for package in packages}
    found = [
        row
        for row in knowledge().builds
        if (row.framework, row.requirement, row.index) == (name, requirement, bound.get(name, ""))
        and row.architecture in {"", architecture}
    ]
    assert len(found) == 1, f"{requirement} from {bound.get(name, 'the usual index')} is {[each.build for each in found]}"
    return found[0]


def violations(facts: Facts, wish: Wish, environment: Environment, warnings: tuple[str, ...]) -> list[str]:
    """Return what is wrong with an environment for a machine, in words."""
    found = [row(each, environment, facts.system.architecture) for each in asked_of_pip(environment)]
    builds = [each for each in found if each]
    held = [each for each in limits(environment) if each.startswith("nvidia-cudnn")]
    stack = Stack(
        gpus=(),
        driver=stack_of(Profile(), facts).driver if wish.gpus else None,
        cudnn=CudnnChoice(line="", version="", packages=(), constraint="".join(held)),
        python=python(environment),
        frameworks=tuple(
            FrameworkChoice(
                name=each.framework, version=each.version, build=each.build, index=each.index, requirement=each.requirement
            )
            for each in builds
        ),
        warnings=warnings,
    )
    mine = tuple(each for each in wish.frameworks if each.partition("==")[0] in {row.framework for row in builds})
    question = Question(replace(wish, frameworks=mine))
    wrong = list(frameworks(question, stack))
    allowed = constraints(question, rows(question, stack))
    return wrong if "".join(held) in allowed else [*wrong, f"the constraint on cuDNN is {held}, not one of {allowed}"]


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("manager", ["uv", "conda"])
def test_what_is_generated_can_be_had(name: str, manager: str) -> None:
    facts = machine(name)
    for asked in ASKED if manager == "uv" else ASKED[:1]:
        wanted = profile(asked, manager)
        wish = replace(driven(facts), frameworks=asked)
        lost = tuple(each for each in asked if beyond(each, wish))
        try:
            environments, warnings = answered(facts, wanted)
        except NoSolutionError:
            assert not all(exists_solution(replace(wish, frameworks=(each,))) for each in asked if each not in lost)
            continue
        assert any("will compute on the processor" in each for each in warnings) == bool(lost)
        wrong, together = set[str](), set[str]()
        for environment in environments:
            built = {build.framework for text in asked_of_pip(environment) if (build := row(text, environment, "amd64"))}
            together |= built
            wrong |= set(violations(facts, without_cards(wish) if built & set(lost) else wish, environment, warnings))
        assert wrong == set()
        assert together >= {each.partition("==")[0] for each in asked}
        if lost in {(), asked}:
            assert (len(environments) == 1) == exists_solution(without_cards(wish) if lost else wish)


def beyond(framework: str, wish: Wish) -> bool:
    """Return whether no driver and no Python would bring a framework to the cards of a machine."""
    free = replace(wish, branch=AUTO, flavour=AUTO, origin=AUTO, installed=None, python=AUTO, frameworks=(framework,))
    return bool(wish.gpus) and "==" not in framework and not exists_solution(free)


def without_cards(wish: Wish) -> Wish:
    return replace(wish, gpus=(), branch=AUTO, flavour=AUTO, origin=AUTO, installed=None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"python": "3.9"}, "has no build for Python"),
        ({"constraints": ()}, "the constraint on cuDNN"),
        ({"requirements": ("torch==2.15.*", "tensorflow[and-cuda]==2.21.*"), "indexes": ()}, "frameworks of CUDA [12, 13]"),
        ({"requirements": ("torch==2.15.*",), "indexes": ()}, "does not run on"),
        ({"requirements": ("torch==2.14.*",), "indexes": ()}, "does not run on"),
        ({"requirements": ("tensorflow==2.21.*",)}, "for ['GeForce GTX 1080 Ti']"),
    ],
)
def test_what_cannot_be_had_is_noticed(change: dict[str, tuple[str, ...]], said: str) -> None:
    facts = machine("debian-12-gtx-1080-ti-bios")
    wanted = profile(("tensorflow",), "uv")
    (environment,), warnings = answered(facts, wanted)
    assert isinstance(environment, UvEnvironment)
    wish = replace(wish_for(wanted, facts, today(facts)), frameworks=("torch", "tensorflow"))
    assert violations(facts, wish, environment, warnings) == []
    wrong = violations(facts, wish, replace(environment, **change), warnings)  # type: ignore[arg-type]  # fields by name
    assert any(said in each for each in wrong), wrong
