"""What has to be typed so that the role has the driver that it wants: the role's own commands first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provision.catalog.obstacles import in_the_way
from provision.doctor.case import APPLY, Case
from provision.errors import ProvisionError
from provision.knowledge.resolve import resolve
from provision.knowledge.wish import wish_for
from provision.profile.model import Profile

if TYPE_CHECKING:
    from provision.knowledge.stack import DriverChoice


def apply(case: Case, *, moving: bool = False) -> str:
    """Return the role's command, after those that take away what it refuses to touch; `moving`: to a driver other than this."""
    driver = _driver(case, moving=moving)
    commands = (command for each in in_the_way(case.facts, driver) for command in each.commands) if driver else ()
    return " && ".join((*commands, APPLY))


def _driver(case: Case, *, moving: bool) -> DriverChoice | None:
    """Return what the role takes by itself: where `moving`, as if nothing were installed."""
    try:
        wish = wish_for(Profile(), case.facts, case.today)
        return resolve(replace(wish, installed=None) if moving else wish).driver
    except ProvisionError:
        return None
