"""`provision explain`: which driver, CUDA, Python and frameworks fit, and why."""

from __future__ import annotations

import datetime as dt
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli import options as o
from provision.errors import Exit, ProvisionError

if TYPE_CHECKING:
    from provision.facts.model import Facts as MachineFacts
    from provision.knowledge.stack import Stack, Wish

NONE = "none"
_PCI = re.compile(r"[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}")

Gpus = Annotated[
    list[str] | None,
    typer.Option("--gpu", metavar="CARD", help="A PCI id, or words of a name (repeatable); `none`: no GPU.", show_default=False),
]
System = Annotated[str | None, typer.Option("--os", metavar="SYSTEM", help="Such as ubuntu-24.04.", show_default=False)]
SecureBoot = Annotated[
    bool | None, typer.Option("--secure-boot/--no-secure-boot", help="Whether Secure Boot is on.", show_default=False)
]
Driver = Annotated[
    str | None, typer.Option("--driver", metavar="BRANCH", help="A driver branch, such as 580.", show_default=False)
]
Flavour = Annotated[
    str | None, typer.Option("--flavour", metavar="open|proprietary", help="The kernel modules.", show_default=False)
]
Origin = Annotated[
    str | None, typer.Option("--origin", metavar="ubuntu|nvidia|debian", help="Whose driver packages.", show_default=False)
]
Cuda = Annotated[
    list[str] | None,
    typer.Option("--cuda", metavar="LINE", help="A toolkit, such as 12.8 (repeatable); `none`: none.", show_default=False),
]
Frameworks = Annotated[
    list[str] | None,
    typer.Option(
        "--framework",
        "-f",
        metavar="NAME",
        help="torch, tensorflow, jax, fastai, or torch==2.14 (repeatable).",
        show_default=False,
    ),
]
Python = Annotated[str | None, typer.Option("--python", metavar="VERSION", help="Such as 3.12.", show_default=False)]
Architecture = Annotated[str | None, typer.Option("--architecture", metavar="ARCH", help="amd64 or arm64.", show_default=False)]
Headless = Annotated[
    bool | None, typer.Option("--headless/--desktop", help="Whether nobody sits in front of it.", show_default=False)
]
Facts = Annotated[
    Path | None,
    typer.Option("--facts", metavar="FILE", help="For a machine elsewhere, from its `facts --json`.", show_default=False),
]


def explain(
    gpu: Gpus = None,
    system: System = None,
    secure_boot: SecureBoot = None,
    driver: Driver = None,
    flavour: Flavour = None,
    origin: Origin = None,
    cuda: Cuda = None,
    framework: Frameworks = None,
    python: Python = None,
    headless: Headless = None,
    architecture: Architecture = None,
    facts: Facts = None,
    profile: o.Profile = None,
    as_json: o.Json = False,
) -> None:
    """Say which driver, CUDA, Python and frameworks fit together, why, and why not the others.

    For this machine and its profile, or for any machine: `--gpu "RTX 2070 SUPER" --os ubuntu-24.04`.
    """
    from provision.knowledge.stack import NoSolutionError
    from provision.render import explain as render

    imagined = gpu is not None and system is not None and facts is None
    wish = _wish_of_nobody(system or "") if imagined else _wish_of_machine(facts, profile)
    wish = replace(
        wish,
        gpus=wish.gpus if gpu is None else _cards(gpu),
        system=system or wish.system,
        installed=wish.installed if system in {None, wish.system} else None,
        secure_boot=wish.secure_boot if secure_boot is None else secure_boot,
        desktop=wish.desktop if headless is None else not headless,
        architecture=architecture or wish.architecture,
        branch=driver or wish.branch,
        flavour=flavour or wish.flavour,
        origin=origin or wish.origin,
        toolkits=wish.toolkits if cuda is None else _some(cuda),
        frameworks=wish.frameworks if framework is None else _some(framework),
        python=python or wish.python,
    )
    try:
        stack = _resolved(wish, torch_if_it_fits=framework is None and not wish.frameworks)
    except NoSolutionError as error:
        if not as_json:
            because = "\n".join(error.conflict.because)
            raise ProvisionError("nothing fits together here", evidence=because, hint=error.conflict.nearest) from None
        sys.stdout.write(render.conflict_json(error.conflict) + "\n")
        o.end(Exit.FAILED)
        return
    if as_json:
        sys.stdout.write(render.stack_json(stack) + "\n")
        return
    from provision.render.screen import Screen

    screen = Screen.of(sys.stdout, os.environ)
    screen.write(render.stack_lines(wish, stack, screen.page))


def _resolved(wish: Wish, *, torch_if_it_fits: bool) -> Stack:
    """Return what fits; where no framework was asked for, with torch if that fits as well."""
    from provision.knowledge.resolve import resolve
    from provision.knowledge.stack import NoSolutionError, Rejected

    if not torch_if_it_fits:
        return resolve(wish)
    try:
        return resolve(replace(wish, frameworks=("torch",)))
    except NoSolutionError as error:
        stack = resolve(wish)
        without = Rejected(choice="torch", because="; ".join(error.conflict.because))
        return replace(stack, rejected=(*stack.rejected, without))


def _wish_of_nobody(system: str) -> Wish:
    from provision.knowledge.stack import Wish

    return Wish(system=system, gpus=(), today=_today())


def _wish_of_machine(facts: Path | None, profile: Path | None) -> Wish:
    from provision.knowledge.tables import FRAMEWORKS
    from provision.knowledge.wish import wish_for, with_environment
    from provision.profile.read import load_profile

    wanted = load_profile(profile).profile
    wish = wish_for(wanted, _facts_here() if facts is None else _facts_in(facts), _today())
    return with_environment(wish, wanted, FRAMEWORKS)


def _facts_in(path: Path) -> MachineFacts:
    from provision.run.recorded import read_facts

    return read_facts(path)


def _facts_here() -> MachineFacts:
    """Return this machine's facts, as far as an ordinary user may know them."""
    from provision.run.connect import Gate, connect

    gate = Gate()
    gate.open()
    machine = o.machines(None, None).only
    with connect([machine], o.sudo(ask_first=False, from_stdin=False, wanted=False), gate)[machine.name].get() as session:
        return session.facts


def _cards(words: list[str]) -> tuple[str, ...]:
    """Return the PCI ids of cards given by id or by name."""
    from provision.knowledge.name import gpu_by_name
    from provision.knowledge.tables import knowledge

    return tuple(word if _PCI.fullmatch(word) else gpu_by_name(word, knowledge()) for word in _some(words))


def _some(words: list[str]) -> tuple[str, ...]:
    """Return what was given on the command line; `none` stands for nothing."""
    return tuple(word for word in words if word != NONE)


def _today() -> dt.date:
    return dt.datetime.now(tz=dt.timezone.utc).date()
