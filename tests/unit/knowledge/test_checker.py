"""The checker goes red: for every mistake in an answer, and for an answer that other tables would not have given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from provision.knowledge.model import Knowledge
from provision.knowledge.resolve import resolve
from provision.knowledge.stack import FrameworkChoice, Installed, Stack, Wish
from provision.knowledge.tables import knowledge
from tests.unit.knowledge.checker import violations
from tests.unit.knowledge.search import exists_solution

TODAY = dt.date(2026, 11, 22)
PASCAL, TURING, BLACKWELL = "10de:1b06", "10de:1e84", "10de:2c05"
WISHES = {
    "pascal": Wish(system="debian-12", gpus=(PASCAL,), today=TODAY, secure_boot=True, frameworks=("tensorflow", "fastai")),
    "turing": Wish(system="ubuntu-24.04", gpus=(TURING,), today=TODAY, secure_boot=True, frameworks=("torch",)),
    "older": Wish(system="ubuntu-24.04", gpus=(TURING,), today=TODAY, toolkits=("12.8",), branch="570"),
    "compiler": Wish(system="debian-13", gpus=(TURING,), today=TODAY, toolkits=("12.4",)),
    "kept": Wish(
        system="ubuntu-24.04",
        gpus=(TURING,),
        today=TODAY,
        installed=Installed(branch=580, origin="ubuntu", flavour="open", version="580.173.02"),
    ),
    "theirs": Wish(
        system="ubuntu-24.04",
        gpus=(TURING,),
        today=TODAY,
        installed=Installed(branch=610, origin="nvidia", flavour="open", version="610.57.04"),
    ),
    "kvm": Wish(system="ubuntu-24.04", gpus=(TURING,), today=TODAY, kernel="kvm"),
    "none": Wish(system="debian-13", gpus=(), today=TODAY, frameworks=("jax",)),
}


@cache
def answer(name: str) -> Stack:
    return resolve(WISHES[name])


def driver(**changes: Any) -> Callable[[Stack], Stack]:  # noqa: ANN401 - the choice's own fields
    return lambda stack: replace(stack, driver=replace(stack.driver, **changes))  # type: ignore[type-var]  # there is a driver


def toolkit(**changes: Any) -> Callable[[Stack], Stack]:  # noqa: ANN401 - the choice's own fields
    return lambda stack: replace(stack, toolkits=(replace(stack.toolkits[0], **changes), *stack.toolkits[1:]))


def framework(**changes: Any) -> Callable[[Stack], Stack]:  # noqa: ANN401 - the choice's own fields
    return lambda stack: replace(stack, frameworks=(replace(stack.frameworks[0], **changes), *stack.frameworks[1:]))


def taken(stack: Stack, name: str, version: str, build: str) -> Stack:
    """Take another build of a framework, with all that its row says."""
    row = next(row for row in knowledge().builds if (row.framework, row.version, row.build) == (name, version, build))
    choice = FrameworkChoice(name=name, version=version, build=build, index=row.index, requirement=row.requirement)
    return replace(stack, frameworks=tuple(choice if one.name == name else one for one in stack.frameworks))


def unsaid(word: str) -> Callable[[Stack], Stack]:
    return lambda stack: replace(stack, warnings=tuple(text for text in stack.warnings if word not in text))


MISTAKES: dict[str, tuple[str, Callable[[Stack], Stack], str]] = {
    "a branch that has dropped the card": ("pascal", driver(branch=595, version="595.91.07"), "does not drive"),
    "the other flavour": ("pascal", driver(flavour="open"), "does not drive"),
    "a flavour that needs other packages": ("turing", driver(flavour="proprietary"), "no row says"),
    "an origin that has no such branch": ("turing", driver(origin="debian"), "has no"),
    "a branch that only leads to another": ("older", driver(branch=570, version="580.173.02"), "has no 570"),
    "a branch that was not wished for": ("older", driver(branch=595, version="595.84"), "was not wished for"),
    "a version that is not offered": ("turing", driver(version="595.99"), "has 595"),
    "a package missing": ("turing", lambda s: driver(packages=s.driver.packages[1:])(s), "no row says"),  # type: ignore[union-attr]
    "a package unfilled": ("turing", driver(packages=("nvidia-driver-{branch}",)), "no names of packages"),
    "a claim that DKMS is signed": ("pascal", driver(signed=True), "not signed"),
    "a claim that signed is not": ("turing", driver(signed=False), "signed"),
    "a minimum above the version": ("turing", driver(minimum="999"), "below the minimum"),
    "a minimum too low": ("turing", driver(minimum="400"), "below what is needed"),
    "no driver": ("turing", lambda s: replace(s, driver=None), "without a driver"),
    "a driver for nothing": ("none", lambda s: replace(s, driver=answer("turing").driver), "without a card"),
    "a sound driver torn down": ("kept", lambda s: replace(s, driver=answer("turing").driver), "would do, and 595 open"),
    "its flavour changed": ("kept", driver(flavour="proprietary"), "would do, and 580 proprietary"),
    "its origin changed": ("kept", driver(origin="nvidia"), "would do, and 580 open of nvidia"),
    "an origin left unasked": ("theirs", lambda s: replace(s, driver=answer("turing").driver), "is not from ubuntu"),
    "modules that nobody built": ("kvm", lambda s: replace(s, driver=answer("turing").driver), "no row says"),
    "other cards": ("turing", lambda s: replace(s, gpus=()), "the cards are"),
    "another toolkit": ("older", toolkit(version="12.9"), "was wished for"),
    "a toolkit nobody offers": ("turing", toolkit(version="11.0"), "is not offered"),
    "an older toolkit by itself": ("turing", toolkit(version="13.0"), "was chosen by itself"),
    "a toolkit's origin": ("turing", toolkit(origin="debian"), "is not offered"),
    "a compiler that is too new": ("compiler", toolkit(gcc=0), "wants gcc 13"),
    "a compiler not installed": ("compiler", lambda s: toolkit(packages=s.toolkits[0].packages[:-1])(s), "is ["),
    "a toolkit twice": ("older", lambda s: replace(s, toolkits=s.toolkits * 2), "twice"),
    "a toolkit for nobody": ("none", lambda s: replace(s, toolkits=answer("turing").toolkits), "nobody wished"),
    "no toolkit": ("turing", lambda s: replace(s, toolkits=()), "no toolkit, and"),
    "no framework": ("turing", lambda s: replace(s, frameworks=()), "was wished for"),
    "a build that does not exist": ("turing", framework(build="cu999"), "no row has"),
    "a build without code for the card": (
        "pascal",
        lambda s: taken(s, "torch", "2.14", "cu130"),
        "does not run on GeForce GTX 1080",
    ),
    "a build from elsewhere": ("turing", framework(index="https://mirror.test/whl"), "is torch=="),
    "a build for the processor": ("turing", framework(build="cpu"), "cpu"),
    "another Python": ("turing", lambda s: replace(s, python="3.8"), "has no build for Python"),
    "a Python that is not the machine's": ("turing", lambda s: replace(s, python="3.13"), "the machine's own 3.12 fits"),
    "no constraint on cuDNN": ("pascal", lambda s: replace(s, cudnn=None), "constraint on cuDNN"),
    "nothing of the branch's end": ("pascal", unsaid("Pascal"), "losing support"),
    "nothing of the system's end": ("pascal", unsaid("Debian 12"), "has ended"),
    "nothing of MOK": ("pascal", unsaid("MOK"), "explains MOK"),
    "nothing of the transition": ("older", lambda s: replace(s, reasons=(), warnings=()), "nothing says that 570 became"),
}


@pytest.mark.parametrize("name", WISHES)
def test_the_answers_themselves_hold(name: str) -> None:
    assert violations(WISHES[name], answer(name)) == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_an_answer_is_found(mistake: str) -> None:
    name, change, words = MISTAKES[mistake]
    changed = change(answer(name))
    assert changed != answer(name)
    found = violations(WISHES[name], changed)
    assert any(words in each for each in found), found


def test_two_cuda_lines_in_one_environment_are_found() -> None:
    wish = replace(WISHES["turing"], frameworks=("torch", "tensorflow"))
    torch, tensorflow = answer("turing").frameworks[0], answer("pascal").frameworks
    mixed = replace(answer("turing"), frameworks=(torch, *(one for one in tensorflow if one.name == "tensorflow")))
    assert any("in one environment" in each for each in violations(wish, mixed))


def test_a_torch_outside_of_fastais_range_is_found() -> None:
    wish = replace(WISHES["turing"], frameworks=("torch", "fastai==2.8.2"))
    stack = resolve(wish)
    mixed = replace(stack, frameworks=(*answer("turing").frameworks, *(one for one in stack.frameworks if one.name == "fastai")))
    assert violations(wish, stack) == []
    assert any("fastai 2.8.2 wants torch" in each for each in violations(wish, mixed))


def rows(table: str, change: dict[str, Any], **where: Any) -> Callable[[Knowledge], Knowledge]:  # noqa: ANN401 - any column
    """Change the rows of a table that have these values."""

    def changed(tables: Knowledge) -> Knowledge:
        before = getattr(tables, table)
        after = tuple(replace(row, **change) if all(getattr(row, k) == v for k, v in where.items()) else row for row in before)
        assert after != before
        return replace(tables, **{table: after})

    return changed


def card(**change: Any) -> Callable[[Knowledge], Knowledge]:  # noqa: ANN401 - any column
    return rows("gpus", change, pci=TURING)


WORLDS: dict[str, tuple[str, Callable[[Knowledge], Knowledge], str]] = {
    "the card needs a newer driver": ("turing", card(first_driver="700.1"), "does not drive"),
    "the card takes no open module": ("turing", card(flavours=("proprietary",)), "does not drive"),
    "the branch is gone": ("turing", rows("drivers", {"system": "debian-12"}, branch=595), "has no 595"),
    "the branch turns into another": ("turing", rows("drivers", {"becomes": 615}, branch=595), "has no 595"),
    "the flavour is not built": ("turing", rows("drivers", {"flavours": ("proprietary",)}, branch=595), "does not drive"),
    "the modules are not signed": ("turing", rows("packages", {"signed": False}, origin="ubuntu"), "signed"),
    "the modules are built for other kernels": ("turing", rows("packages", {"kernels": ("kvm",)}, signed=True), "no row says"),
    "what is installed has ended": ("kept", rows("branches", {"end_of_life": "2026-01-01"}, number=580), "past its end"),
    "the packages have other names": ("turing", rows("packages", {"packages": ("nvidia",)}, origin="ubuntu"), "no row says"),
    "the branch has ended": ("turing", rows("branches", {"end_of_life": "2026-01-01"}, number=595), "past its end of life"),
    "the system has ended": ("turing", rows("systems", {"support_ends": "2026-01-01"}, id="ubuntu-24.04"), "has ended"),
    "CUDA wants more of the driver": ("turing", rows("runtimes", {"driver": "700"}, major=13), "does not run"),
    "the toolkit forgot the card": ("turing", rows("toolkits", {"capabilities": ("9.0",)}), "does not cover"),
    "the toolkit takes an older compiler": ("turing", rows("toolkits", {"gcc": 12}), "wants gcc 12"),
    "the toolkit has other packages": ("turing", rows("toolkit_offers", {"packages": ("cuda",)}), "is ['cuda'"),
    "torch forgot the card": ("turing", rows("builds", {"capabilities": ("9.0",)}, framework="torch"), "does not run"),
    "torch forgot the Python": ("turing", rows("builds", {"pythons": ("3.10",)}, framework="torch"), "has no build for Python"),
    "torch moved": ("turing", rows("builds", {"index": "https://mirror.test"}, framework="torch"), "is torch=="),
    "TensorFlow pins a cuDNN": ("pascal", rows("builds", {"cudnn": "9.28.0.42"}, framework="tensorflow"), "no cuDNN suits"),
    "fastai wants another torch": (
        "pascal",
        rows("builds", {"wants": (("torch", "9", "10"),)}, framework="fastai"),
        "wants torch",
    ),
}


@pytest.mark.parametrize("world", WORLDS)
def test_an_answer_does_not_hold_by_other_tables(world: str) -> None:
    name, change, words = WORLDS[world]
    found = violations(WISHES[name], answer(name), change(knowledge()))
    assert any(words in each for each in found), found


@pytest.mark.parametrize("world", WORLDS)
def test_the_resolver_follows_the_tables(world: str) -> None:
    name, change, _words = WORLDS[world]
    tables = change(knowledge())
    if exists_solution(WISHES[name], tables):
        assert violations(WISHES[name], resolve(WISHES[name], tables), tables) == []


@pytest.mark.parametrize(
    ("exists", "changes"),
    [
        (True, {}),
        (True, {"gpus": (TURING, "10de:2204")}),
        (False, {"gpus": (PASCAL, BLACKWELL)}),
        (False, {"gpus": ("10de:3fa0",)}),
        (True, {"gpus": ("10de:3fa0", TURING)}),
        (False, {"gpus": (BLACKWELL,), "flavour": "proprietary"}),
        (False, {"origin": "debian"}),
        (False, {"gpus": (PASCAL,), "toolkits": ("13.0",)}),
        (False, {"frameworks": ("torch==2.15", "tensorflow")}),
        (True, {"frameworks": ("torch", "tensorflow")}),
        (False, {"frameworks": ("torch==2.15",), "python": "3.9"}),
        (True, {"gpus": (), "frameworks": ("torch==2.15", "tensorflow")}),
    ],
)
def test_the_search_itself(exists: bool, changes: dict[str, Any]) -> None:  # noqa: FBT001 - what is expected
    wish = replace(Wish(system="ubuntu-24.04", gpus=(TURING,), today=TODAY), **changes)
    assert exists_solution(wish) is exists
