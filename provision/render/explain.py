"""A stack on a page, and as JSON: one block a layer, then why, why not, and what to mind."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

from provision.knowledge.model import Gpu
from provision.knowledge.stack import Conflict, CudnnChoice, DriverChoice, FrameworkChoice, Stack, ToolkitChoice, Wish
from provision.knowledge.words import card_name, origin_name
from provision.render.line import Line, Span, pad, width_of
from provision.render.page import NARROW, Page

SCHEMA = 1
LEFT = 15
"""Cells of the first column, as in a plan."""
_WHAT = 24
"""Cells of the second column: what was chosen, or what was not."""


def stack_json(stack: Stack) -> str:
    """Return a stack as one line of JSON."""
    driver, first = stack.driver, next(iter(stack.toolkits), None)
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "gpus": [
            {
                "pci": gpu.pci,
                "name": gpu.name,
                "chip": gpu.chip.code,
                "architecture": gpu.architecture.name,
                "compute_capability": gpu.capability,
            }
            for gpu in stack.gpus
        ],
        "driver": driver
        and {
            "branch": driver.branch,
            "version": driver.version,
            "minimum": driver.minimum,
            "flavour": driver.flavour,
            "origin": driver.origin,
            "packages": driver.packages,
            "signed": driver.signed,
        },
        "cuda": first and _toolkit(first),
        "toolkits": [_toolkit(toolkit) for toolkit in stack.toolkits],
        "cudnn": stack.cudnn
        and {
            "line": stack.cudnn.line,
            "version": stack.cudnn.version,
            "packages": stack.cudnn.packages,
            "constraint": stack.cudnn.constraint,
        },
        "python": stack.python,
        "frameworks": {
            one.name: {"version": one.version, "build": one.build, "index": one.index, "requirement": one.requirement}
            for one in stack.frameworks
        },
        "reasons": stack.reasons,
        "rejected": [{"choice": one.choice, "because": one.because} for one in stack.rejected],
        "warnings": stack.warnings,
    }
    return json.dumps(data)


def _toolkit(toolkit: ToolkitChoice) -> dict[str, Any]:
    return {"toolkit": toolkit.version, "origin": toolkit.origin, "packages": toolkit.packages, "gcc": toolkit.gcc}


def conflict_json(conflict: Conflict) -> str:
    """Return why nothing fits as one line of JSON."""
    return json.dumps({"schema": SCHEMA, "error": "no-solution", "because": conflict.because, "nearest": conflict.nearest})


def stack_lines(wish: Wish, stack: Stack, page: Page) -> list[Line]:
    """Return `provision explain`: what was chosen layer by layer, why, why not the rest, and the warnings."""
    shown = _header(wish, page)
    for name, lines in _layers(stack):
        shown += _block(name, lines, page)
    shown += [(), *_block("why", [("", reason) for reason in stack.reasons], page)]
    if stack.rejected:
        shown += [(), *_block("why not", [(one.choice, one.because) for one in stack.rejected], page, plain=True)]
    if stack.warnings:
        shown += [(), *_block("warnings", [("", warning) for warning in stack.warnings], page, style="warning")]
    return shown


def _header(wish: Wish, page: Page) -> list[Line]:
    system = wish.system.replace("-", " ").capitalize()
    secure = {True: "on", False: "off", None: "unknown"}[wish.secure_boot]
    parts = [system, wish.architecture, f"Secure Boot {secure}", "" if wish.desktop else "headless"]
    return [*page.dotted([((part, "strong" if index == 0 else ""),) for index, part in enumerate(parts) if part]), ()]


def _layers(stack: Stack) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each layer: its name, and its lines of what was chosen and what there is to say about it."""
    yield "GPU", _cards(stack.gpus) or [("none of NVIDIA's", "")]
    yield "driver", _driver(stack.driver) if stack.driver else [("none", "")]
    yield "CUDA", [(kit.version, _origin(kit.origin, kit.packages)) for kit in stack.toolkits] or [("no toolkit", "")]
    if stack.cudnn is not None:
        yield "cuDNN", _cudnn(stack.cudnn)
    yield "Python", [(stack.python, "")]
    if stack.frameworks:
        yield "frameworks", [_framework(one) for one in stack.frameworks]


def _cards(cards: tuple[Gpu, ...]) -> list[tuple[str, str]]:
    lines = []
    for card in dict.fromkeys(cards):
        number = f"{cards.count(card)} \N{MULTIPLICATION SIGN} " if cards.count(card) > 1 else ""
        about = f"{card.architecture.name} {card.chip.code}, compute capability {card.capability}"
        lines.append((f"{number}{card_name(card)}", about))
    return lines


def _driver(driver: DriverChoice) -> list[tuple[str, str]]:
    signed = "signed modules" if driver.signed else "modules built by DKMS"
    about = f"{driver.version}, {signed} ({driver.minimum} or newer would do)"
    return [(f"{driver.branch} {driver.flavour}", about), ("", _origin(driver.origin, driver.packages))]


def _origin(origin: str, packages: tuple[str, ...]) -> str:
    return f"from {origin_name(origin)}: {' '.join(packages)}"


def _cudnn(cudnn: CudnnChoice) -> list[tuple[str, str]]:
    version = cudnn.version or f"newest for {cudnn.line}" if any("cudnn" in name for name in cudnn.packages) else "NCCL only"
    lines = [(version, " ".join(cudnn.packages))] if cudnn.packages else []
    return [*lines, *([("", f"constraint for pip: {cudnn.constraint}")] if cudnn.constraint else [])]


def _framework(one: FrameworkChoice) -> tuple[str, str]:
    words = [f"pip install {shlex.quote(one.requirement)}", f"--index-url {one.index}" if one.index else ""]
    return f"{one.name} {one.version}" + (f" {one.build}" if one.build not in {"", "any"} else ""), " ".join(words).rstrip()


def _block(name: str, lines: list[tuple[str, str]], page: Page, *, style: str = "", plain: bool = False) -> list[Line]:
    """Return lines of two columns under a name: what, and what there is to say about it; long ones wrap under themselves."""
    width = _WHAT if any(what for what, _ in lines) else 0
    shown: list[Line] = []
    for index, (what, about) in enumerate(lines):
        left = pad(page.line((name if index == 0 else "", style or "quiet")), LEFT if page.width >= NARROW else len(name) + 1)
        if what:
            left = (*left, *page.line((what, "" if plain else "strong")))
        room = width_of(left) if not width else LEFT + width + 2
        if what and not about:
            shown.append(page.fit(left))
        elif width_of(left) > room - 2 and what:
            shown += [page.fit(left), *page.hang((Span(" " * room),), page.line(about))]
        else:
            shown += page.hang(pad(left, room), page.line(about))
    return shown
