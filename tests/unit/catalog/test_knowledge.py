"""The tables: each row is whole, and each machine we support finds its own."""

from __future__ import annotations

import re

import pytest

from provision import knowledge
from provision.errors import InputError


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_uv_is_known_for_each_architecture(architecture: str) -> None:
    hashes = knowledge.uv().hashes(architecture)
    assert hashes
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in hashes)


def test_no_wheel_serves_two_architectures() -> None:
    release = knowledge.uv()
    assert not set(release.hashes("amd64")) & set(release.hashes("arm64"))
    assert len({wheel.platform for wheel in release.wheels}) == len(release.wheels)


def test_another_architecture_is_bad_input() -> None:
    with pytest.raises(InputError, match=r"no uv is known for `riscv64` machines, only for amd64, arm64"):
        knowledge.uv().hashes("riscv64")


def test_the_table_says_when_it_was_read() -> None:
    assert knowledge.table("uv")["date"].year >= 2026
