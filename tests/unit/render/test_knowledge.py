"""Cards and stale rows on a page, and as JSON."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from provision.knowledge.portrait import portrait
from provision.knowledge.stale import Comparison, Unasked
from provision.knowledge.stale_row import Stale
from provision.knowledge.tables import gpu, knowledge
from provision.render.knowledge import comparison_json, comparison_lines, portrait_json, portrait_lines
from provision.render.line import Line, width_of
from provision.render.page import Page

TODAY = dt.date(2026, 11, 22)
STALE = Comparison(
    asked=("apt's sources, for debian-12", "http://mirror.test/simple"),
    stale=(
        Stale(table="torch.toml", row="torch", tables_say="2.15", index_says="2.16.0"),
        Stale(table="drivers.toml", row="debian-12 debian 535", tables_say="535.261.03", index_says="535.309.01"),
    ),
    unasked=(Unasked(what="drivers and toolkits from NVIDIA", because="its repository is not among apt's sources"),),
)


def text(lines: list[Line]) -> str:
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)


def shown(pci: str, page: Page | None = None) -> list[Line]:
    card = gpu(pci)
    assert card is not None
    return portrait_lines(portrait(card, knowledge(), TODAY), page or Page(width=100))


def test_a_card() -> None:
    said = text(shown("10de:1b06"))
    for line in (
        "GeForce GTX 1080 Ti · 10de:1b06 · Pascal GP102 · compute capability 6.1",
        "modules       proprietary  [ARCHM 2025-08-01]",
        "branches      390 to 580  [ARCHM 2025-08-01]",
        "ubuntu-24.04  580.173.02  Ubuntu, signed  proprietary  [PUC 2026-08-01]",
        "              470.256.02  Ubuntu, DKMS    proprietary; support ended 2024-07-31  [PUC 2026-08-01]",
        "torch 2.14       cu126   torch==2.14.*  [PTI 2026-08-21]",
    ):
        assert line in said.splitlines()
    assert "jax[cuda12]==0.12.*, with nvidia-cudnn-cu12==9.10.2.21" in said
    assert "seen in the artefact itself" in said


def test_a_card_that_little_is_known_of() -> None:
    said = text(shown("10de:3340"))
    assert said.startswith("not known · 10de:3340 · Blackwell GB120 · compute capability not known")
    assert "toolkits      none in the tables" in said
    assert "no release has code for it" in said
    assert "none of those in the tables" in text(shown("10de:06c0"))


def test_what_is_not_confirmed_says_so() -> None:
    assert "toolkits      11.0 to 13.5  [NVCCW 2026-11-21, not confirmed]" in text(shown("10de:1e84"))


@pytest.mark.parametrize("width", [20, 40, 72, 100])
def test_no_line_is_wider_than_the_page(width: int) -> None:
    page = Page(width=width)
    for lines in (shown("10de:2b85", page), comparison_lines(STALE, page), comparison_lines(Comparison(), page)):
        assert all(width_of(line) <= width for line in lines)


def test_a_card_as_json() -> None:
    card = gpu("10de:2b85")
    assert card is not None
    said = json.loads(portrait_json(portrait(card, knowledge(), TODAY)))
    assert (said["schema"], said["type"], said["chip"], said["compute_capability"]) == (1, "gpu", "GB202", "12.0")
    assert said["flavours"] == ["open"]
    assert {"source", "date", "mark"} < said["drivers"][0].keys()
    assert {row["name"] for row in said["frameworks"] if row["compiled_late"]} == {"tensorflow"}


def test_stale_rows() -> None:
    assert text(comparison_lines(STALE, Page(width=100))).splitlines() == [
        "table         row                   says        the index says",
        "torch.toml    torch                 2.15        2.16.0",
        "drivers.toml  debian-12 debian 535  535.261.03  535.309.01",
        "",
        "not compared",
        "drivers and toolkits from NVIDIA  its repository is not among apt's sources",
        "",
        "2 rows of the tables are stale · asked: apt's sources, for debian-12, http://mirror.test/simple",
    ]


def test_no_stale_rows() -> None:
    assert text(comparison_lines(Comparison(asked=("x",)), Page())) == "no row is stale · asked: x"
    assert text(comparison_lines(Comparison(), Page())) == "no row is stale · nothing could be asked"


def test_stale_rows_as_json() -> None:
    said = json.loads(comparison_json(STALE))
    assert (said["schema"], said["type"]) == (1, "knowledge")
    assert said["stale"][0] == {"table": "torch.toml", "row": "torch", "tables_say": "2.15", "index_says": "2.16.0"}
    assert said["unasked"][0]["what"] == "drivers and toolkits from NVIDIA"
    assert said["asked"] == list(STALE.asked)
