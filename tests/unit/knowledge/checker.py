"""What must hold of every answer of the resolver, by the tables alone: it shares no code with the resolver."""

from __future__ import annotations

import re
from collections.abc import Iterator

from provision.knowledge.model import DriverOffer, Knowledge, Toolkit
from provision.knowledge.stack import AUTO, DriverChoice, Stack, ToolkitChoice, Wish
from provision.knowledge.tables import knowledge
from tests.unit.knowledge.cudnn import constraints
from tests.unit.knowledge.environments import frameworks, rows
from tests.unit.knowledge.options import Question, major, parts
from tests.unit.knowledge.search import origin_to_keep, to_keep


def violations(wish: Wish, stack: Stack, tables: Knowledge | None = None) -> list[str]:
    """Return what is wrong with an answer, in words; empty when it holds."""
    question = Question(wish, tables or knowledge())
    return [
        *_cards(question, stack),
        *_driver(question, stack),
        *_kept(question, stack),
        *_toolkits(question, stack),
        *frameworks(question, stack),
        *_cudnn(question, stack),
        *_warnings(question, stack),
    ]


def _cards(question: Question, stack: Stack) -> Iterator[str]:
    if sorted(card.pci for card in stack.gpus) != sorted(card.pci for card in question.cards):
        yield f"the cards are {[card.pci for card in question.cards]}, answered for {[card.pci for card in stack.gpus]}"
    for pci in question.unknown:
        if not any(pci.lower() in warning.lower() for warning in stack.warnings):
            yield f"no warning names the unknown card {pci}"
    if question.unknown and not question.cards:
        yield "an answer for unknown cards alone"


def _driver(question: Question, stack: Stack) -> Iterator[str]:
    choice = stack.driver
    if (choice is None) != (not question.cards):
        yield "a driver without a card" if choice else "cards without a driver"
    if choice is None:
        return
    offer = next(
        (
            row
            for row in question.tables.drivers
            if (row.origin, row.system, row.branch) == (choice.origin, question.wish.system, choice.branch) and not row.becomes
        ),
        None,
    )
    if offer is None:
        yield f"{choice.origin} has no {choice.branch} for {question.wish.system}"
        return
    if choice.version != offer.version:
        yield f"{choice.origin} has {offer.version} of {choice.branch}, not {choice.version}"
    if not question.drives(offer, choice.flavour):
        yield f"{choice.branch} {choice.flavour} of {choice.origin} does not drive {[card.name for card in question.cards]}"
    if not question.wished(offer, choice.flavour):
        yield f"{choice.branch} {choice.flavour} of {choice.origin} was not wished for"
    if question.wish.branch not in {AUTO, str(choice.branch)}:
        said = [*stack.reasons, *stack.warnings]
        if not any(question.wish.branch in text and str(choice.branch) in text for text in said):
            yield f"nothing says that {question.wish.branch} became {choice.branch}"
    yield from _packages(question, choice, offer)
    yield from _minimum(question, stack, choice)


def _kept(question: Question, stack: Stack) -> Iterator[str]:
    choice, keep = stack.driver, to_keep(question.wish, question.tables)
    if choice is None:
        return
    if keep:
        branch, flavour, origin = keep
        if (choice.branch, flavour or choice.flavour, origin or choice.origin) != (branch, choice.flavour, choice.origin):
            yield f"{keep} is installed and would do, and {choice.branch} {choice.flavour} of {choice.origin} takes its place"
    if choice.origin != (origin_to_keep(question.wish, question.tables) or choice.origin):
        yield f"what is installed is not from {choice.origin}, and its own origin has a driver that fits"


def _packages(question: Question, choice: DriverChoice, offer: DriverOffer) -> Iterator[str]:
    rows = question.recipes(offer, choice.flavour)
    matching = [row for row in rows if _is(row.packages, choice, question)]
    if not matching:
        yield f"no row says that {choice.branch} {choice.flavour} of {choice.origin} is {choice.packages}"
    elif choice.signed not in {row.signed for row in matching}:
        yield f"the modules of {choice.packages} are{' not' if choice.signed else ''} signed"
    if not all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) for name in choice.packages):
        yield f"{choice.packages} are no names of packages"
    if question.wish.secure_boot is not False and not choice.signed and any(row.signed for row in rows):
        yield "DKMS was chosen where Secure Boot may be on and signed modules exist"


def _is(names: tuple[str, ...], choice: DriverChoice, question: Question) -> bool:
    usual = question.system.kernel.replace("{architecture}", question.wish.architecture)
    filled = {"{branch}": str(choice.branch), "{kernel}": question.wish.kernel or usual}
    meant = [re.sub(r"\{\w+\}", lambda found: filled[found[0]], name) for name in names]
    return sorted(meant) == sorted(choice.packages)


def _minimum(question: Question, stack: Stack, choice: DriverChoice) -> Iterator[str]:
    version, minimum = parts(choice.version), parts(choice.minimum)
    if version < minimum:
        yield f"{choice.version} is below the minimum {choice.minimum}"
    needs = [parts(card.first_driver) for card in question.cards if card.first_driver]
    needs += [(card.architecture.first_branch,) for card in question.cards]
    needs += [question.floor(int(each.version.partition(".")[0])) for each in stack.toolkits]
    needs += [question.floor(major(row)) for row in rows(question, stack) if major(row)]
    if any(minimum < need for need in needs):
        yield f"the minimum {choice.minimum} is below what is needed, {max(needs)}"


def _toolkits(question: Question, stack: Stack) -> Iterator[str]:
    asked = [each for each in question.wish.toolkits if each != AUTO]
    chosen = [each.version for each in stack.toolkits]
    for version in asked:
        if version not in chosen:
            yield f"toolkit {version} was wished for"
    extra = [version for version in chosen if version not in asked]
    if len(extra) > question.wish.toolkits.count(AUTO) or (extra and not question.cards):
        yield f"nobody wished for toolkit {extra}"
    if len(chosen) != len(set(chosen)):
        yield f"a toolkit twice: {chosen}"
    for choice in stack.toolkits:
        yield from _toolkit(question, stack, choice, by_itself=choice.version in extra)
    if AUTO in question.wish.toolkits and not extra and stack.driver and not asked:
        fitting = [toolkit.version for toolkit, _offer in question.toolkits() if _full(toolkit, stack.driver)]
        if fitting:
            yield f"no toolkit, and {fitting} fit"


def _full(toolkit: Toolkit, driver: DriverChoice) -> bool:
    return bool(toolkit.driver) and parts(toolkit.driver) <= parts(driver.version)


def _toolkit(question: Question, stack: Stack, choice: ToolkitChoice, *, by_itself: bool) -> Iterator[str]:
    found = [(toolkit, offer) for toolkit, offer in question.toolkits(choice.version) if offer.origin == choice.origin]
    if not found:
        yield f"toolkit {choice.version} of {choice.origin} is not offered, does not cover the cards, or has no compiler"
        return
    toolkit, offer = found[0]
    compiler = question.compiler(toolkit)
    if choice.gcc != compiler:
        yield f"toolkit {choice.version} wants gcc {compiler}, not {choice.gcc}"
    wanted = set(offer.packages) | ({f"gcc-{choice.gcc}", f"g++-{choice.gcc}"} if choice.gcc else set())
    if set(choice.packages) != wanted:
        yield f"toolkit {choice.version} is {sorted(wanted)}, not {choice.packages}"
    if stack.driver is None:
        return
    if parts(stack.driver.version) < question.floor(toolkit.major):
        yield f"driver {stack.driver.version} does not run CUDA {toolkit.version}"
    runs = [other for other, _offer in question.toolkits() if question.floor(other.major) <= parts(stack.driver.version)]
    best = max((other.version for other in runs if _full(other, stack.driver)), key=parts, default=choice.version)
    if by_itself and choice.version != best:
        yield f"toolkit {choice.version} was chosen by itself, and {best} works whole with {stack.driver.version}"
    if not _full(toolkit, stack.driver) and not any(choice.version in warning for warning in stack.warnings):
        yield f"no warning says that toolkit {choice.version} is newer than the driver"


def _cudnn(question: Question, stack: Stack) -> Iterator[str]:
    constraint = stack.cudnn.constraint if stack.cudnn else ""
    allowed = constraints(question, rows(question, stack))
    if constraint not in allowed:
        yield f"the constraint on cuDNN is {constraint!r}, not {' or '.join(map(repr, allowed))}"


def _warnings(question: Question, stack: Stack) -> Iterator[str]:
    wish, today = question.wish, question.wish.today.isoformat()

    def said(*words: str) -> bool:
        return any(all(word.lower() in warning.lower() for word in words) for warning in stack.warnings)

    system = question.system
    if system.support_ends and system.support_ends < today and not said(system.name, system.support_ends):
        yield f"no warning says that the support of {system.name} has ended"
    if stack.driver is None:
        return
    branch = next(row for row in question.tables.branches if row.number == stack.driver.branch)
    if branch.end_of_life and branch.end_of_life < today and not said(str(branch.number), branch.end_of_life):
        yield f"no warning says that {branch.number} is past its end of life"
    for card in question.cards:
        if card.architecture.last_branch and not said(card.architecture.name):
            yield f"no warning says that {card.architecture.name} is losing support"
    if wish.secure_boot and not stack.driver.signed and not said("MOK"):
        yield "no warning explains MOK"
