"""Why, why not, and what to mind: each is said where it holds, and not elsewhere."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from provision.knowledge.resolve import resolve
from provision.knowledge.stack import Stack
from provision.knowledge.tables import knowledge
from tests.unit.knowledge.asked import CARDS, NOBLE, answer, torch, wish, with_driver


def because(stack: Stack, choice: str) -> str:
    return next(one.because for one in stack.rejected if one.choice == choice)


def warned(stack: Stack, words: str) -> bool:
    return any(words in warning for warning in stack.warnings)


def test_why() -> None:
    assert answer("RTX 2070 SUPER", secure_boot=True, frameworks=("torch",)).reasons == (
        "595 is the newest long-supported branch for Turing",
        "the open kernel module is the recommended one for Turing",
        "Ubuntu's modules are built and signed already, so they load with Secure Boot on",
        "CUDA 13.2 is the newest here that driver 595 supports in full",
        "torch 2.15 (cu132) is the newest with code for the RTX 2070 SUPER",
        "Python 3.12 is Ubuntu 24.04 LTS's own",
    )


def test_why_not() -> None:
    stack = answer("RTX 2070 SUPER", frameworks=("torch",))
    assert because(stack, "driver 615") == "not known to be supported for long"
    assert because(stack, "driver 610") == "past its end of life since 2026-08-31"
    assert because(stack, "driver 580") == "would do, supported until 2028-06-30; 595 is newer"
    assert because(stack, "driver 570, 550") == "becomes 580 by itself, through transitional packages"
    assert because(stack, "driver 620") == "not offered for Ubuntu 24.04 LTS"
    assert because(stack, "module proprietary").startswith("would do")
    assert "DKMS" in because(stack, "origin NVIDIA")
    assert because(stack, "CUDA 13.3") == "needs driver 610.43.02 for all its features"
    assert because(stack, "torch 2.15 cu130") == "would do; cu132 is newer"


def test_why_not_for_an_old_card() -> None:
    stack = answer("GTX 1080 Ti", frameworks=("torch",))
    assert because(stack, "driver 590 to 615") == "no longer drives Pascal, 580 was the last"
    assert because(stack, "module open") == "does not drive Pascal"
    assert because(stack, "CUDA 13.0 to 13.5") == "does not compile for GTX 1080 Ti (Pascal, 6.1)"
    assert because(stack, "torch 2.15") == "no code for GTX 1080 Ti (6.1)"
    assert because(stack, "torch 2.14 cu130, cu132") == "no code for GTX 1080 Ti (6.1)"


def test_why_not_a_newer_framework_beside_another() -> None:
    stack = answer("RTX 2070 SUPER", frameworks=("torch", "tensorflow"))
    assert because(stack, "torch 2.15") == "libraries of CUDA 13 and CUDA 12 overwrite one another"
    assert warned(stack, "in an environment of its own, torch 2.15 (cu132) would fit instead of 2.14")
    assert "torch 2.14 (cu126) is the newest beside tensorflow" in stack.reasons
    older = answer("RTX 2070 SUPER", python="3.10", frameworks=("torch",))
    assert because(older, "torch 2.15") == "not for Python 3.10"


def test_no_alternative_is_the_choice_itself() -> None:
    for card in CARDS:
        if card in {"GTX 480", "GTX 680"}:
            continue
        stack = answer(card, frameworks=("torch",))
        assert stack.driver is not None
        chosen = {f"driver {stack.driver.branch}", *(f"CUDA {kit.version}" for kit in stack.toolkits), f"torch {torch(stack)[0]}"}
        assert chosen.isdisjoint(one.choice for one in stack.rejected)
        assert all(one.choice and one.because for one in stack.rejected)
        assert len(stack.rejected) <= 25


@pytest.mark.parametrize(("secure_boot", "said"), [(True, "Secure Boot is on"), (None, "which is not known"), (False, "")])
def test_keys_to_enrol(*, secure_boot: bool | None, said: str) -> None:
    stack = answer("RTX 2070 SUPER", system="debian-12", secure_boot=secure_boot)
    about = [warning for warning in stack.warnings if "MOK" in warning]
    assert len(about) == bool(said)
    assert all(said in warning for warning in about)
    assert not warned(answer("RTX 2070 SUPER", secure_boot=secure_boot), "MOK")


@pytest.mark.parametrize(
    ("today", "said"),
    [
        ("2026-09-15", ""),
        ("2026-11-22", "support of driver branch 595 ends on 2027-03-31"),
        ("2027-03-31", "support of driver branch 595 ends on 2027-03-31"),
    ],
)
def test_a_branch_that_ends(today: str, said: str) -> None:
    stack = resolve(replace(wish("RTX 2070 SUPER"), today=dt.date.fromisoformat(today)))
    assert stack.driver is not None
    assert stack.driver.branch == 595
    assert [warning for warning in stack.warnings if "595" in warning] == ([said] if said else [])


def test_a_branch_that_has_ended_is_left_for_one_that_has_not() -> None:
    stack = resolve(replace(wish("RTX 2070 SUPER"), today=dt.date(2027, 4, 1)))
    assert stack.driver is not None
    assert stack.driver.branch == 580
    assert because(stack, "driver 595") == "past its end of life since 2027-03-31"


@pytest.mark.parametrize(
    ("system", "today", "said"),
    [
        (
            "debian-12",
            "2026-11-22",
            "support of Debian 12 ended on 2026-07-11 (extended support until 2028-06-30)",
        ),
        ("ubuntu-22.04", "2026-11-22", "support of Ubuntu 22.04 LTS ends on 2027-04-01 (extended support until 2032-04-30)"),
        (NOBLE, "2026-11-22", ""),
    ],
)
def test_a_distribution_that_ends(system: str, today: str, said: str) -> None:
    stack = resolve(replace(wish("RTX 2070 SUPER", system=system), today=dt.date.fromisoformat(today)))
    assert [warning for warning in stack.warnings if "extended" in warning] == ([said] if said else [])


def test_cards_that_lose_support() -> None:
    pascal = "Pascal is losing support: 580, the last branch that drives it, ends on 2028-06-30; CUDA 12.9 was the last that"
    assert warned(answer("GTX 1080 Ti"), pascal)
    assert warned(answer("Tesla K80"), "Kepler has lost support: 470, the last branch that drives it, ended on 2024-07-31")
    assert not warned(answer("RTX 2070 SUPER"), "support: ")


def test_code_compiled_at_the_first_start() -> None:
    assert warned(answer("RTX 5090", frameworks=("tensorflow",)), "holds no machine code for RTX 5090")
    assert not warned(answer("RTX 2070 SUPER", frameworks=("tensorflow",)), "machine code")
    assert not warned(answer("RTX 5090", frameworks=("torch",)), "machine code")


def test_ptx_that_the_driver_cannot_compile_is_not_taken() -> None:
    """TensorFlow 2.18 and newer were made with CUDA 12.5, whose PTX a 535 driver does not know."""
    stack = answer("H100", tables=with_driver(535, "535.309.01", only=True), frameworks=("tensorflow",))
    assert [one.version for one in stack.frameworks] != ["2.21"]
    assert any("cannot compile it" in one.because for one in stack.rejected)


def test_the_cudnn_of_old_cards() -> None:
    assert warned(answer("GTX 1080 Ti", frameworks=("tensorflow",)), "keep the constraint")
    assert not warned(answer("GTX 1080 Ti", frameworks=("torch",)), "keep the constraint")


def test_no_toolkit_for_a_card() -> None:
    stack = answer("Tesla K80", system="ubuntu-22.04")
    assert stack.toolkits == ()
    assert warned(stack, "no CUDA toolkit for Kepler here that driver 470 supports in full; if asked for by number, CUDA 11.8")
    assert [kit.version for kit in answer("Tesla K80", system="ubuntu-22.04", toolkits=("11.8",)).toolkits] == ["11.8"]


def test_pythons_past_their_support() -> None:
    assert warned(answer("RTX 2070 SUPER", python="3.10"), "support of Python 3.10 ended on 2026-10-31")


def test_other_processors() -> None:
    stack = answer("H100", architecture="arm64")
    assert warned(stack, "for arm64 they may differ")
    assert not warned(answer("H100"), "may differ")


def test_rows_that_no_source_confirms() -> None:
    tables = knowledge()
    branches = tuple(replace(row, mark="I", note="a guess") if row.number == 595 else row for row in tables.branches)
    unsure = replace(tables, branches=branches)
    assert warned(answer("RTX 2070 SUPER", tables=unsure), "not confirmed by a source: driver branch 595 (a guess)")
    assert not warned(answer("RTX 2070 SUPER", tables=unsure, branch="580"), "not confirmed")


def test_sentences_are_in_the_house_style() -> None:
    for card in CARDS:
        if card == "GTX 480":
            continue
        for system in ("ubuntu-22.04", NOBLE, "debian-12"):
            stack = answer(card, system=system, secure_boot=True)
            for text in (*stack.reasons, *stack.warnings, *(one.because for one in stack.rejected)):
                assert text == text.strip()
                assert not text.endswith(".")
                assert "  " not in text
                assert "None" not in text
