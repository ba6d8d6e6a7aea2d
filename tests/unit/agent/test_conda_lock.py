"""Conda locks: what is one, what a lock must not hold."""

from __future__ import annotations

from typing import Any

import pytest

from provision.agent import conda_lock
from provision.agent.conda_lock import Header
from provision.errors import InputError
from tests.providers.fake_conda import line

HEADER = Header(request="0123456789abcdef", platform="linux-aarch64")


def test_a_lock_says_what_it_was_solved_for() -> None:
    assert conda_lock.header(f"{HEADER}{line('numpy')}") == HEADER
    assert conda_lock.header(line("numpy")) is None
    assert conda_lock.header(f"\n{HEADER}") is None
    assert conda_lock.header("") is None


def test_the_same_packages_have_the_same_fingerprint() -> None:
    text = line("numpy") + line("python")
    assert conda_lock.digest(f"{HEADER}{text}") == conda_lock.digest(text)
    assert conda_lock.digest(text) != conda_lock.digest(line("numpy"))


def test_packages_in_their_order() -> None:
    records = conda_lock.records(f"{HEADER}{line('numpy')}\n{line('python')}")
    assert [(each.name, each.stem) for each in records] == [("numpy", "numpy-2.4.6-h_0"), ("python", "python-3.12.7-h_0")]
    assert records[1].depends == ("libzed >=1.3", "__glibc >=2.17")


@pytest.mark.parametrize(
    "wrong",
    [
        {"fn": "../numpy-1-0.conda"},
        {"fn": "numpy.zip"},
        {"subdir": "../noarch"},
        {"channel": "https://conda.test/forge"},
        {"channel": "../x"},
        {"sha256": "0" * 63},
        {"sha256": None},
        {"name": "-n"},
        {"version": "1 2"},
        {"size": -1},
        {"size": True},
        {"size": "9"},
        {"depends": "python"},
        {"depends": [1]},
        {"constrains": None},
        {"url": "x"},
        {"license": "see https://licence.test"},
        {"license": "'''"},
    ],
)
def test_what_is_no_package_is_refused_with_its_line(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="line 3 of the conda lock"):
        conda_lock.records(f"{HEADER}{line('python')}{line('numpy', **wrong)}")


@pytest.mark.parametrize("text", ["numpy\n", "[1]\n", "{\n", "[" * 100_000 + "\n"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="line 1"):
        conda_lock.records(text)


def test_a_package_is_there_once() -> None:
    with pytest.raises(InputError, match="names `numpy` a second time"):
        conda_lock.records(line("numpy") + line("numpy", "1.0"))
