"""What fits: the first driver in order of preference with which toolkits and frameworks go together."""

from __future__ import annotations

from dataclasses import dataclass

from provision.knowledge.drivers import Driver, candidates
from provision.knowledge.frameworks import Environment, environment
from provision.knowledge.question import Question
from provision.knowledge.toolkits import Kit, kits


@dataclass(frozen=True, kw_only=True)
class Solution:
    """Rows of the tables that fit together; `driver` is `None` where there is no NVIDIA GPU."""

    question: Question
    driver: Driver | None
    kits: tuple[Kit, ...]
    environment: Environment


def solve(question: Question) -> Solution | None:
    """Return what fits, the best driver first; `None` when nothing does."""
    for driver in candidates(question) if question.driven else (None,):
        tools = kits(question, driver)
        shared = environment(question, driver) if tools is not None else None
        if tools is not None and shared is not None:
            return Solution(question=question, driver=driver, kits=tools, environment=shared)
    return None
