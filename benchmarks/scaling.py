"""How ours grows: a no-op with 10 and with 1,000 resources, here and over SSH; the agent's memory and size.

    python -m benchmarks.scaling [--rounds 5] [--write]

Here: `provision plan` of files this script made in a scratch folder, so that nothing of this machine is changed. Over SSH:
`provision apply` in a box, through a link with 50 ms of round trip. The agent's memory is read off its processes while it
observes and while it applies the 1,000.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.compare import lane
from benchmarks.delay_proxy import DelayProxy
from benchmarks.measure import Middle, Sample, measured, middle
from benchmarks.report import when_and_where, write
from benchmarks.tools import PROVISION
from benchmarks.workload import BOX_PACKAGES, Workload, fetch, reset
from provision.box.box import Box
from provision.box.signals import ending_raises
from provision.run import payload

SIZES = (10, 1000)
RATIO, MEMORY, SIZE = 3.0, 40.0, 64.0
"""The bars: times, MiB, KiB."""
_MARKS = (b"provision-root-up", b"'ENTRY':'executor'")
"""What the command lines of the agent's processes hold."""


class Peak:
    """The largest memory of any of the agent's processes so far, MiB."""

    def __init__(self) -> None:
        self.memory = 0.0
        self._over = threading.Event()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look every 10 ms."""
        watching = threading.Thread(target=self._watch, daemon=True)
        watching.start()
        yield
        self._over.set()
        watching.join()

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            for process in Path("/proc").iterdir():
                if process.name.isdecimal():
                    self._look(process)

    def _look(self, process: Path) -> None:
        try:
            command = (process / "cmdline").read_bytes()
            if command.startswith(b"/usr/bin/python3\0") and any(mark in command for mark in _MARKS):
                status = (process / "status").read_text()
                self.memory = max(self.memory, int(status.partition("VmHWM:")[2].split()[0]) / 1024)
        except (OSError, IndexError, ValueError):  # it ended meanwhile
            return


def over_ssh(rounds: int, peak: Peak) -> dict[int, Middle]:
    """Return what a no-op takes in a box, by size."""
    with ExitStack() as open_until_the_end:
        box = open_until_the_end.enter_context(Box(packages=BOX_PACKAGES, say=_say))
        fetch(box)
        reset(box)
        scratch = Path(open_until_the_end.enter_context(tempfile.TemporaryDirectory(prefix="scaling-")))
        proxy = open_until_the_end.enter_context(DelayProxy(box.port))
        lanes = {size: lane(PROVISION, box, Workload(size), proxy, scratch / str(size)) for size in SIZES}
        with peak.watched():
            for each in lanes.values():
                each.once(cold=True)
        samples: dict[int, list[Sample]] = {size: [] for size in SIZES}
        for _ in range(rounds):
            for size, each in lanes.items():
                samples[size].append(_told(size, each.once(cold=False)))
        return {size: middle(found) for size, found in samples.items()}


def here(rounds: int) -> dict[int, Middle]:
    """Return what a plan that finds nothing to do takes on this machine, by size."""
    with ExitStack() as open_until_the_end:
        scratch = Path(open_until_the_end.enter_context(tempfile.TemporaryDirectory(prefix="scaling-")))
        proxy = open_until_the_end.enter_context(DelayProxy(0))  # not used: a local run has no link
        samples: dict[int, list[Sample]] = {size: [] for size in SIZES}
        for size in SIZES:
            _make_here(scratch / str(size), size)
        for _ in range(rounds):
            for size in SIZES:
                folder = scratch / str(size)
                argv = [str(Path(sys.executable).parent / "provision"), "plan", "workload", "--role-path", "roles", "--profile"]
                sample = measured([*argv, "workstation.toml"], folder=folder, environment={}, proxy=proxy)
                if "nothing to change" not in sample.output:
                    raise RuntimeError(sample.output)
                samples[size].append(_told(size, sample))
        return {size: middle(found) for size, found in samples.items()}


_ROLE = '''"""Directories and files that are as they should be."""
from provision.catalog.role import role
from provision.resources import Directory, File


@role()
def workload(profile, facts):
    for number in range({count}):
        yield Directory(path=f"{top}/part-{{number}}", owner="{owner}", group="{owner}")
        yield File(path=f"{top}/part-{{number}}/settings.conf", content=f"part = {{number}}\\n", owner="{owner}", group="{owner}")
'''


def _make_here(folder: Path, size: int) -> None:
    import getpass  # noqa: PLC0415 - only here

    (folder / "roles").mkdir(parents=True)
    (folder / "workstation.toml").write_text("schema = 1\n")
    (folder / "roles" / "workload.py").write_text(_ROLE.format(count=size // 2, top=folder / "made", owner=getpass.getuser()))
    for number in range(size // 2):
        part = folder / "made" / f"part-{number}"
        part.mkdir(parents=True)
        part.chmod(0o755)
        (part / "settings.conf").write_text(f"part = {number}\n")
        (part / "settings.conf").chmod(0o644)


def _told(size: int, sample: Sample) -> Sample:
    _say(f"{size:5} {sample.seconds:7.2f} s {sample.turns:3} turns {sample.processor:5.2f} s processor")
    return sample


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _row(where: str, found: dict[int, Middle]) -> str:
    small, large = (found[size] for size in SIZES)
    return (
        f"| {where} | {small.seconds:.2f} s | {large.seconds:.2f} s | {large.seconds / small.seconds:.2f} | {RATIO:g} "
        f"| {small.turns} | {large.turns} |"
    )


def main() -> None:
    """Measure, print, keep with `--write`; exit 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="keep the table in docs/benchmarks.md")
    given = parser.parse_args()
    os.umask(0o022)
    peak = Peak()
    with ending_raises():
        remote, local = over_ssh(given.rounds, peak), here(given.rounds)
    size = len(payload.agent()) / 1024
    text = "\n".join(
        [
            when_and_where().rstrip(" ·") + ".",
            "",
            "| no-op | 10 resources | 1,000 resources | ratio | bar | turns, 10 | turns, 1,000 |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
            _row("over SSH, 50 ms", remote),
            _row("on this machine", local),
            "",
            "| the agent | measured | bar |",
            "| --- | ---: | ---: |",
            f"| peak memory of its processes, observing and applying 1,000 | {peak.memory:.1f} MiB | {MEMORY:g} MiB |",
            f"| what every session sends first, compressed | {size:.1f} KiB | {SIZE:g} KiB |",
        ]
    )
    print(text)
    if given.write:
        write(text, "scaling")
    ratios = [found[SIZES[1]].seconds / found[SIZES[0]].seconds for found in (remote, local)]
    sys.exit(0 if max(ratios) <= RATIO and peak.memory <= MEMORY and size <= SIZE else 1)


if __name__ == "__main__":
    main()
