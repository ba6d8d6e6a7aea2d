"""The stack for a machine: driver, kernel module, CUDA, cuDNN, Python and framework builds that work together, and why."""

from __future__ import annotations

from provision.knowledge.cautions import warnings
from provision.knowledge.conflict import conflict
from provision.knowledge.frameworks import dropped, loose
from provision.knowledge.model import Knowledge, number
from provision.knowledge.question import ask
from provision.knowledge.reasons import reasons
from provision.knowledge.rejections import rejected
from provision.knowledge.solution import Solution, solve
from provision.knowledge.stack import CudnnChoice, DriverChoice, FrameworkChoice, NoSolutionError, Stack, ToolkitChoice, Wish


def resolve(wish: Wish, knowledge: Knowledge | None = None) -> Stack:
    """Return what fits together for `wish`.

    Raises `InputError` for names that the tables do not have, `NoSolutionError` when nothing fits. No clock, no I/O but
    reading our own tables (where `knowledge` is not given).
    """
    if knowledge is None:
        from provision.knowledge.tables import knowledge as read  # noqa: PLC0415 - only who brings no tables of their own

        knowledge = read()
    question = ask(wish, knowledge)
    found = None if question.unknown and not question.cards else solve(question)
    if found is None:
        raise NoSolutionError(conflict(question))
    return _stack(found)


def _stack(found: Solution) -> Stack:
    return Stack(
        gpus=found.question.cards,
        driver=_driver(found),
        toolkits=tuple(
            ToolkitChoice(version=kit.toolkit.version, origin=kit.offer.origin, packages=kit.packages, gcc=kit.gcc)
            for kit in found.kits
        ),
        cudnn=_cudnn(found),
        python=found.environment.python,
        frameworks=tuple(
            FrameworkChoice(
                name=build.framework,
                version=build.version,
                build=build.build,
                index=build.index,
                requirement=found.question.requirement(build),
            )
            for build in found.environment.builds
        ),
        reasons=reasons(found),
        rejected=rejected(found),
        warnings=warnings(found),
    )


def _driver(found: Solution) -> DriverChoice | None:
    driver = found.driver
    if driver is None:
        return None
    return DriverChoice(
        branch=driver.branch.number,
        version=driver.version,
        minimum=_minimum(found),
        flavour=driver.flavour,
        origin=driver.offer.origin,
        packages=driver.packages(found.question),
        signed=driver.row.signed,
    )


def _minimum(found: Solution) -> str:
    """Return the oldest driver that the cards, the toolkits and the frameworks all run on."""
    question = found.question
    majors = {kit.toolkit.major for kit in found.kits}
    majors |= {number(build.cuda)[0] for build in found.environment.builds if build.cuda}
    floors = [question.floor(major) for major in majors]
    floors += [str(card.architecture.first_branch) for card in question.cards]
    floors += [card.first_driver for card in question.cards if card.first_driver]
    return max(floors, key=number)


def _cudnn(found: Solution) -> CudnnChoice | None:
    """Return cuDNN for the first toolkit, and what to hold pip to where a framework would take one that dropped a card."""
    question = found.question
    held = loose(found.environment.builds, question)
    constraint = f"nvidia-cudnn-cu{held.major}=={held.last_before}" if held else ""
    if found.kits:
        kit = found.kits[0]
        own = kit.offer.cudnn and not kit.offer.cudnn_version
        row = dropped(question, kit.toolkit.major) if own else None
        return CudnnChoice(
            line=str(kit.toolkit.major),
            version=row.last_before if row else kit.offer.cudnn_version,
            packages=(*kit.offer.cudnn, *kit.offer.nccl),
            constraint=constraint,
        )
    return CudnnChoice(line=str(held.major), version="", packages=(), constraint=constraint) if held else None
