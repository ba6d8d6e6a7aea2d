"""What must hold of the frameworks, the Python and the cuDNN of an answer, by the tables alone."""

from __future__ import annotations

from collections.abc import Iterator

from provision.knowledge.model import Build
from provision.knowledge.stack import AUTO, FrameworkChoice, Stack
from tests.unit.knowledge.cudnn import one_cudnn
from tests.unit.knowledge.options import CPU, Question, asked, compiled_for, major, matches, parts, plain, within


def rows(question: Question, stack: Stack) -> list[Build]:
    """Return the rows of the builds that were chosen."""
    return [row for choice in stack.frameworks if (row := _row(question, choice))]


def _row(question: Question, choice: FrameworkChoice) -> Build | None:
    for row in question.builds:
        if (row.framework, row.version, row.build) == (choice.name, choice.version, choice.build):
            return row
    return None


def frameworks(question: Question, stack: Stack) -> Iterator[str]:
    wish, chosen = question.wish, {choice.name: choice for choice in stack.frameworks}
    found = {row.framework: row for row in rows(question, stack)}
    if len(chosen) != len(stack.frameworks):
        yield f"a framework twice: {[choice.name for choice in stack.frameworks]}"
    for name, version in asked(wish).items():
        if name not in chosen or (version and not matches(version, chosen[name].version)):
            yield f"{name} {version} was wished for, answered {chosen.get(name)}"
    needed = {other for row in found.values() for other, _least, _below in row.wants}
    if set(chosen) - set(asked(wish)) - needed:
        yield f"nobody wished for {set(chosen) - set(asked(wish)) - needed}"
    for choice in stack.frameworks:
        row = found.get(choice.name)
        if row is None:
            yield f"no row has {choice.name} {choice.version} {choice.build}"
        elif (choice.index, choice.requirement) != (row.index, row.requirement):
            yield f"{choice.name} {choice.version} {choice.build} is {row.requirement} from {row.index!r}"
        else:
            yield from _build(question, stack, row)
    lines = {major(row) for row in found.values() if major(row)}
    if len(lines) > 1:
        yield f"frameworks of CUDA {sorted(lines)} in one environment"
    if not one_cudnn(question, found.values()):
        yield f"no cuDNN suits {[f'{row.framework} {row.version}: {row.cudnn}' for row in found.values()]}"
    yield from _ranges(found)
    yield from _python(question, stack, found)


def _build(question: Question, stack: Stack, row: Build) -> Iterator[str]:
    what = f"{row.framework} {row.version} {row.build}"
    if plain(row):
        return
    if (row.build == CPU) != (not question.cards):
        yield f"{what} for {[card.name for card in question.cards]}"
    for card in question.cards:
        if not question.takes(row, card, stack.driver.version if stack.driver else ""):
            yield f"{what} does not run on {card.name} ({card.capability})"
        elif not compiled_for(row, card) and not any(row.framework in warning.lower() for warning in stack.warnings):
            yield f"no warning says that {what} compiles itself for {card.name}"
    if stack.driver and major(row) and parts(stack.driver.version) < question.floor(major(row)):
        yield f"driver {stack.driver.version} does not run {what}"


def _ranges(rows: dict[str, Build]) -> Iterator[str]:
    for row in rows.values():
        for name, least, below in row.wants:
            if name not in rows:
                yield f"{row.framework} {row.version} wants {name}"
            elif not within(rows[name].version, least, below):
                yield f"{row.framework} {row.version} wants {name} {least} to {below}, not {rows[name].version}"


def _python(question: Question, stack: Stack, rows: dict[str, Build]) -> Iterator[str]:
    wish = question.wish
    if wish.python not in {AUTO, stack.python}:
        yield f"Python {wish.python} was wished for, answered {stack.python!r}"
    for row in rows.values():
        if stack.python not in row.pythons:
            yield f"{row.framework} {row.version} has no build for Python {stack.python!r}"
    if not rows or wish.python != AUTO:
        return
    common = set.intersection(*(set(row.pythons) for row in rows.values()))
    if question.system.python in common and stack.python != question.system.python:
        yield f"Python {stack.python} was chosen, and the machine's own {question.system.python} fits"
