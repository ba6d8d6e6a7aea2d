"""Wishes in few words, for tests of the resolver."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from provision.knowledge.model import DriverOffer, Knowledge
from provision.knowledge.resolve import resolve
from provision.knowledge.stack import Conflict, NoSolutionError, Stack, Wish
from provision.knowledge.tables import knowledge

TODAY = dt.date(2026, 11, 22)
NOBLE = "ubuntu-24.04"
CARDS = {
    "GTX 480": "10de:06c0",
    "GTX 680": "10de:1180",
    "Tesla K80": "10de:102d",
    "GTX 750 Ti": "10de:1380",
    "GTX 980 Ti": "10de:17c8",
    "Tesla P100": "10de:15f8",
    "GTX 1080 Ti": "10de:1b06",
    "Tesla V100": "10de:1db4",
    "RTX 2070 SUPER": "10de:1e84",
    "GTX 1650": "10de:1f82",
    "A100": "10de:20b0",
    "RTX 3090": "10de:2204",
    "RTX 4090": "10de:2684",
    "H100": "10de:2330",
    "RTX 5090": "10de:2b85",
    "B200": "10de:2901",
    "B300": "10de:3182",
    "GB10": "10de:2e12",
}


def wish(*cards: str, system: str = NOBLE, **more: Any) -> Wish:  # noqa: ANN401 - the wish's own fields
    """Return a wish for cards by the names above, or by id."""
    return Wish(system=system, gpus=tuple(CARDS.get(card, card) for card in cards), today=TODAY, **more)


def answer(*cards: str, tables: Knowledge | None = None, **more: Any) -> Stack:  # noqa: ANN401 - as above
    """Return what the resolver says."""
    return resolve(wish(*cards, **more), tables)


def torch(stack: Stack) -> tuple[str, str]:
    """Return version and build of torch."""
    return next((one.version, one.build) for one in stack.frameworks if one.name == "torch")


def driver(stack: Stack) -> tuple[int, str, str]:
    """Return branch, flavour and origin of the driver."""
    assert stack.driver is not None
    return stack.driver.branch, stack.driver.flavour, stack.driver.origin


def refused(*cards: str, tables: Knowledge | None = None, **more: Any) -> Conflict:  # noqa: ANN401 - as above
    """Return why the resolver finds nothing."""
    try:
        found = resolve(wish(*cards, **more), tables)
    except NoSolutionError as error:
        return error.conflict
    raise AssertionError(f"{found.driver} was found")


def with_driver(branch: int, version: str, *, system: str = NOBLE, only: bool = False) -> Knowledge:
    """Return the tables with a branch in NVIDIA's repository, or with no other driver than that."""
    tables = knowledge()
    offer = DriverOffer(
        origin="nvidia",
        system=system,
        branch=branch,
        version=version,
        flavours=("open", "proprietary"),
        source="TEST",
        date="2026-11-22",
        mark="P",
    )
    row = next(row for row in tables.packages if row.origin == "nvidia" and row.first_branch == 580 and system in row.systems)
    packages = tuple(
        replace(row, use=use, flavour=flavour, first_branch=branch, last_branch=branch)
        for use in ("desktop", "compute")
        for flavour in ("open", "proprietary")
    )
    return replace(tables, drivers=(*(() if only else tables.drivers), offer), packages=(*tables.packages, *packages))
