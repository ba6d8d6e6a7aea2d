"""What five conda environments of sixty packages add to an apply that has nothing to do.

    python -m benchmarks.conda_no_op [--rounds 7] [--write]

In a box, over SSH as a person would; the same command with an empty profile beside it, in turns, so that whatever else this
machine does falls on both alike.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks import conda_packages
from benchmarks.report import when_and_where, write
from provision.box.box import Box
from provision.box.signals import ending_raises
from tests.conda_channel import STAND_INS
from tests.system.conda_lab import ROLE, URL, settle
from tests.system.driving import Driver

ENVIRONMENTS = 5
ADDED = 1.0
"""The bar, seconds."""
_ENVIRONMENT = """
[[environment]]
name = "lab{number}"
manager = "conda"
python = "3.12"
packages = {packages}
"""


def _drivers(box: Box, folder: Path) -> tuple[Driver, Driver]:
    """Return who applies five environments, and who applies nothing."""
    parts = conda_packages.packages()
    settle(box, folder / "channel", (*STAND_INS, *(part for part in parts if part not in STAND_INS)))
    full, empty = Driver(box, folder / "full"), Driver(box, folder / "empty")
    names = json.dumps([part.name for part in parts if part.name != "python"])
    text = "".join(_ENVIRONMENT.format(number=number, packages=names) for number in range(ENVIRONMENTS))
    full.profile(f'[conda]\nbase = false\nmirrors = {{ conda-forge = "{URL}" }}\n{text}')
    full.role(ROLE)
    empty.role("yield from ()")
    return full, empty


def _took(driver: Driver) -> float:
    began = time.perf_counter()
    said = driver.apply(timeout=600)
    seconds = time.perf_counter() - began
    if said.code or said.changed:
        raise RuntimeError(f"{said.code}, {said.changed}: {said.stdout[-800:]}")
    return seconds


def main() -> None:
    """Measure, print, keep with `--write`; exit 1 when the bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conda_no_op")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="keep the table in docs/benchmarks.md")
    given = parser.parse_args()
    with ending_raises(), Box(say=lambda text: print(text, file=sys.stderr)) as box, tempfile.TemporaryDirectory() as scratch:
        drivers = _drivers(box, Path(scratch))
        for driver in drivers:
            driver.run("plan", "sample")
        made = drivers[0].apply(timeout=600)
        if made.code:
            raise RuntimeError(made.stdout[-800:])
        taken: list[list[float]] = [[], []]
        for _ in range(given.rounds):
            for found, driver in zip(taken, drivers, strict=True):
                found.append(_took(driver))
    full, empty = (median(found) for found in taken)
    text = "\n".join(
        [
            f"{when_and_where()} median of {given.rounds}.",
            "",
            "| an apply that changes nothing, over SSH | time |",
            "| --- | ---: |",
            f"| an empty profile | {empty:.2f} s |",
            f"| {ENVIRONMENTS} conda environments of {conda_packages.COUNT + 3} packages | {full:.2f} s |",
            f"| difference (bar: {ADDED:g} s) | {full - empty:.2f} s |",
        ]
    )
    print(text)
    if given.write:
        write(text, "conda no-op")
    sys.exit(0 if full - empty <= ADDED else 1)


if __name__ == "__main__":
    main()
