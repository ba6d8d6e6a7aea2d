"""Cards by the words of their name."""

from __future__ import annotations

import pytest

from provision.errors import InputError
from provision.knowledge.name import gpu_by_name
from provision.knowledge.tables import knowledge


@pytest.mark.parametrize(
    ("text", "pci"),
    [
        ("RTX 2070 SUPER", "10de:1e84"),
        ("geforce rtx 2070 super", "10de:1e84"),
        ("NVIDIA GeForce RTX 5090", "10de:2b85"),
        ("1080 ti", "10de:1b06"),
        ("Tesla K80", "10de:102d"),
        ("2070 super max-q mobile", "10de:1e91"),
    ],
)
def test_found(text: str, pci: str) -> None:
    assert gpu_by_name(text, knowledge()) == pci


@pytest.mark.parametrize("text", ["", "Voodoo 2", "RTX", "GTX 1650 Ti Titan", "-x", "geforce"])
def test_not_found(text: str) -> None:
    with pytest.raises(InputError) as caught:
        gpu_by_name(text, knowledge())
    assert "10de:" in caught.value.hint


def test_names_that_different_cards_have() -> None:
    with pytest.raises(InputError) as caught:
        gpu_by_name("TITAN X", knowledge())
    assert "`10de:1b00`" in caught.value.hint
    assert "`10de:17c2`" in caught.value.hint
