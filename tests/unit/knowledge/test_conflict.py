"""What the resolver says where nothing fits: the fewest facts, and a wish near by that works."""

from __future__ import annotations

import datetime as dt
import re
import shlex
from typing import Any

import pytest

from provision.knowledge.resolve import resolve
from provision.knowledge.stack import NoSolutionError, Wish
from tests.unit.knowledge.asked import answer, refused, wish

PASCAL = "GTX 1080 Ti (Pascal, 6.1) needs the proprietary module and driver from 390 to 580"


@pytest.mark.parametrize(
    ("cards", "fields", "because", "nearest"),
    [
        (
            ("GTX 1080 Ti", "RTX 5090"),
            {"frameworks": ("torch",), "toolkits": ("12.9",), "python": "3.12"},
            [PASCAL, "RTX 5090 (Blackwell, 12.0) needs the open module and driver 570 or newer"],
            "without the GTX 1080 Ti it works",
        ),
        (
            ("GTX 1080 Ti", "RTX 2070 SUPER", "RTX 5090"),
            {},
            [PASCAL, "RTX 5090 (Blackwell, 12.0) needs the open module and driver 570 or newer"],
            "without the GTX 1080 Ti it works",
        ),
        (
            ("GTX 1080 Ti",),
            {"toolkits": ("13.2",)},
            ["CUDA 13.2 compiles for 7.5 to 12.1", "GTX 1080 Ti (Pascal) has compute capability 6.1"],
            "with CUDA 12.9 it works",
        ),
        (
            ("GTX 1080 Ti",),
            {"branch": "595"},
            ["driver 595 was asked for", PASCAL],
            "with driver 580 it works",
        ),
        (
            ("GTX 1080 Ti",),
            {"flavour": "open"},
            ["the open module was asked for", PASCAL],
            "with flavour proprietary it works",
        ),
        (
            ("GTX 1080 Ti",),
            {"frameworks": ("torch==2.15",)},
            ["torch 2.15 is built for 7.5 to 12.0", "GTX 1080 Ti (Pascal) has compute capability 6.1"],
            "with torch 2.14 it works",
        ),
        (
            ("RTX 5090",),
            {"system": "debian-13", "origin": "debian", "frameworks": ("torch",)},
            [
                "a driver from Debian was asked for, which has 535 and 550 for Debian 13",
                "RTX 5090 (Blackwell, 12.0) needs the open module and driver 570 or newer",
            ],
            "with origin nvidia it works",
        ),
        (
            ("RTX 2070 SUPER",),
            {"branch": "535", "frameworks": ("torch==2.15",)},
            ["torch 2.15 needs driver 580 or newer", "driver 535 was asked for"],
            "with torch 2.14 it works",
        ),
        (
            ("RTX 2070 SUPER",),
            {"python": "3.10", "frameworks": ("torch==2.15",)},
            ["torch 2.15 is built for Python 3.11 to 3.15", "Python 3.10 was asked for"],
            "with torch 2.14 it works",
        ),
        (
            ("RTX 2070 SUPER",),
            {"frameworks": ("torch==2.15", "tensorflow")},
            ["torch 2.15 comes with CUDA 13", "tensorflow comes with CUDA 11 or 12"],
            "with torch 2.14 it works",
        ),
        (
            ("Tesla K80",),
            {"system": "ubuntu-26.04"},
            [
                "Tesla K80 (Kepler, 3.7) needs the proprietary module and driver from 390 to 470",
                "Ubuntu 26.04 LTS has drivers 580, 595, 610 and 615",
            ],
            "on Ubuntu 24.04 LTS it works",
        ),
        (
            ("RTX 2070 SUPER",),
            {"branch": "390"},
            ["driver 390 was asked for, which nobody offers for Ubuntu 24.04 LTS"],
            "with driver 595 it works",
        ),
        (
            ("GTX 480",),
            {},
            ["GTX 480 (Fermi, 2.0) needs the proprietary module and driver 390"],
            "without the GTX 480 it works",
        ),
        (
            ("GTX 680",),
            {"frameworks": ("torch",)},
            ["torch is built for 3.7 to 12.0", "GTX 680 (Kepler) has compute capability 3.0"],
            "without torch it works",
        ),
    ],
)
def test_the_fewest_facts(cards: tuple[str, ...], fields: dict[str, Any], because: list[str], nearest: str) -> None:
    conflict = refused(*cards, **fields)
    assert [*conflict.because][: len(because)] == because
    assert len(conflict.because) <= len(because) + 1
    assert conflict.nearest.startswith(nearest)
    assert resolve(typed(conflict.nearest))


def typed(nearest: str) -> Wish:
    """Return the wish that the command in a sentence asks for."""
    words = shlex.split(re.findall("`([^`]+)`", nearest)[0])
    assert words[:2] == ["provision", "explain"]
    said: dict[str, list[str]] = {}
    for option, value in zip(words[2::2], words[3::2], strict=True):
        said.setdefault(option, []).append(value)

    def one(option: str) -> str:
        return said.get(f"--{option}", ["auto"])[0]

    return Wish(
        system=said["--os"][0],
        gpus=tuple(pci for pci in said["--gpu"] if pci != "none"),
        today=dt.date(2026, 11, 22),
        branch=one("driver"),
        flavour=one("flavour"),
        origin=one("origin"),
        toolkits=tuple(said.get("--cuda", ["auto"])),
        frameworks=tuple(said.get("--framework", [])),
        python=one("python"),
    )


def test_two_things_given_up_where_one_is_not_enough() -> None:
    conflict = refused("RTX 5090", branch="535", toolkits=("12.6",))
    assert conflict.nearest.startswith("with CUDA ")
    assert " and driver " in conflict.nearest
    assert resolve(typed(conflict.nearest))


def test_an_unknown_card_alone() -> None:
    conflict = refused("10de:ffff", frameworks=("torch",))
    assert conflict.because == ("GPU 10de:ffff is not in the tables",)
    assert "`provision knowledge " in conflict.nearest


def test_each_fact_is_needed() -> None:
    """Without either of two that exclude each other, there is an answer."""
    assert refused("GTX 1080 Ti", "RTX 5090").because
    assert answer("GTX 1080 Ti")
    assert answer("RTX 5090")


def test_the_error_says_it_all() -> None:
    with pytest.raises(NoSolutionError) as caught:
        resolve(wish("GTX 1080 Ti", "RTX 5090"))
    assert "Pascal" in caught.value.message
    assert "Blackwell" in caught.value.message
    assert caught.value.hint == caught.value.conflict.nearest
