"""`provision knowledge`: what the tables say of a GPU, and whether they are still right."""

from __future__ import annotations

import os
import re
import sys
from typing import Annotated

import typer

from provision.cli import options as o
from provision.errors import Exit, InputError

_PCI = re.compile(r"[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}")

Card = Annotated[list[str], typer.Argument(metavar="GPU", help="A PCI id (10de:1e84), or words of a name.", show_default=False)]


def show(card: Card, as_json: o.Json = False) -> None:
    """Show what is known of a GPU: drivers for each system, toolkits, framework builds, and from where that is known."""
    import datetime as dt

    from provision.knowledge.name import gpu_by_name
    from provision.knowledge.portrait import portrait
    from provision.knowledge.tables import gpu, knowledge
    from provision.render import knowledge as render
    from provision.render.screen import Screen

    text = " ".join(card)
    found = gpu(text if _PCI.fullmatch(text) else gpu_by_name(text, knowledge()))
    if found is None:
        raise InputError(f"no NVIDIA GPU with the id `{text}` is in the tables", hint="`lspci -nn -d 10de:` shows the ids")
    shown = portrait(found, knowledge(), dt.datetime.now(tz=dt.timezone.utc).date())
    if as_json:
        sys.stdout.write(render.portrait_json(shown) + "\n")
        return
    screen = Screen.of(sys.stdout, os.environ)
    screen.write(render.portrait_lines(shown, screen.page))


def check(as_json: o.Json = False) -> None:
    """Compare the tables with what the package indexes of this machine offer now; ends with 2 when a row has gone stale."""
    import distro

    from provision.box import pip_settings
    from provision.knowledge.apt_index import AptIndex
    from provision.knowledge.pip_index import PipIndex
    from provision.knowledge.stale import compare
    from provision.knowledge.tables import knowledge
    from provision.render import knowledge as render
    from provision.render.screen import Screen

    here = f"{distro.id()}-{distro.version()}"
    found = compare(knowledge(), here, AptIndex, lambda: PipIndex(pip_settings.here()))
    if as_json:
        sys.stdout.write(render.comparison_json(found) + "\n")
    else:
        screen = Screen.of(sys.stdout, os.environ)
        screen.write(render.comparison_lines(found, screen.page))
    if found.stale:
        o.end(Exit.CHANGES_PENDING)
