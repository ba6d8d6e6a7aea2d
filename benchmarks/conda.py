"""Conda environments: packages a second from a warm cache, and the memory of solving with an index of conda-forge's size.

    python -m benchmarks.conda [--rounds 5] [--records 500000] [--write]

Runs our conda program as the agent does, by the Python it is run with, in a scratch folder: nothing of this machine is changed.
The channel is local (`tests/conda_channel.py`); what it costs to reach one is not measured.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import conda_packages, conda_repodata
from benchmarks.report import when_and_where, write
from provision.catalog.conda_program import conda_program
from tests.conda_channel import build_channel
from tests.conda_server import serving

MEMORY = 500.0
"""The bar of a solve, MiB."""
MICROMAMBA, PIXI = 6.516, 1.747
"""Seconds that rattler's makers measured for one and the same environment (prefix-dev/pixi, pull request 792, 2024-02-20)."""


@dataclass(frozen=True, kw_only=True)
class Took:
    """What a run of the program took; memory in MiB: all of it, and without the pages of files that the kernel may drop."""

    seconds: float
    memory: float
    private: float


def run(folder: Path, verb: str, request: dict[str, Any]) -> Took:
    """Run the program on a request; raises `RuntimeError` with what it said when it fails."""
    program, asked = folder / "conda.py", folder / "request.json"
    program.write_text(conda_program())
    asked.write_text(json.dumps(request))
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-IB", program, verb, asked], stdout=subprocess.PIPE, text=True)
    peak = {"VmHWM": 0.0, "RssAnon": 0.0}
    with _watched(child.pid, peak):
        said, _ = child.communicate(timeout=300)
        seconds = time.perf_counter() - began
    if child.returncode:
        raise RuntimeError(said[-1000:])
    return Took(seconds=seconds, memory=peak["VmHWM"], private=peak["RssAnon"])


@contextmanager
def _watched(pid: int, peak: dict[str, float]) -> Iterator[None]:
    """Keep in `peak` the largest memory of a process, MiB, looked at every 10 ms: its `ru_maxrss` would begin with ours."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                return
            for name, most in peak.items():
                if f"{name}:" in status:
                    peak[name] = max(most, int(status.partition(f"{name}:")[2].split()[0]) / 1024)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    yield
    over.set()
    watching.join()


def _request(folder: Path, url: str, specs: list[str]) -> dict[str, Any]:
    return {
        "channels": [["local", url]],
        "specs": specs,
        "subdir": "linux-64",
        "virtual": [["__glibc", "2.36"]],
        "cache": str(folder / "cache"),
        "lock": str(folder / "lock"),
        "header": "",
    }


def creating(folder: Path, rounds: int) -> tuple[Took, list[Took]]:
    """Return what creating an environment of sixty packages took: the first time, and then from a warm cache."""
    parts = conda_packages.packages()
    channel = build_channel(folder / "channel", parts)
    with serving(channel.path) as server:
        request = _request(folder, server.url, [f"{package.name} =={package.version}" for package in parts])
        run(folder, "solve", request)
        found = []
        for number in range(rounds + 1):
            prefix = folder / f"prefix-{number}"
            prefix.mkdir()
            os.sync()  # what was written before is not waited for in the next round
            found.append(run(folder, "install", {**request, "prefix": str(prefix)}))
            made = len(list((prefix / "conda-meta").glob("*.json")))
            if made != conda_packages.COUNT:
                raise RuntimeError(f"{made} packages are there")
    return found[0], found[1:]


def solving(folder: Path, records: int) -> tuple[int, list[Took]]:
    """Return how many packages a request became, and what solving it took: with the index to fetch, and with it there."""
    conda_repodata.write(folder / "large", records)
    with serving(folder / "large") as server:
        request = _request(folder, server.url, conda_repodata.request())
        took = [run(folder, "solve", request) for _ in range(2)]
    return len((folder / "lock").read_text().splitlines()), took


def _text(first: Took, warm: list[Took], packages: int, solves: list[Took], records: int) -> str:
    seconds = median(each.seconds for each in warm)
    memory = max(each.memory for each in solves)
    return "\n".join(
        [
            when_and_where().rstrip(" ·") + ".",
            "",
            f"| an environment of {conda_packages.COUNT} packages, {conda_packages.FILES:,} files | time | packages a second |",
            "| --- | ---: | ---: |",
            f"| fetched, verified, unpacked, linked | {first.seconds:.2f} s | {conda_packages.COUNT / first.seconds:.0f} |",
            f"| from a warm cache (median of {len(warm)}) | {seconds:.2f} s | {conda_packages.COUNT / seconds:.0f} |",
            "",
            f"| solving with an index of {records:,} records, {packages} packages found | time | memory | of it private | bar |",
            "| --- | ---: | ---: | ---: | ---: |",
            *(
                f"| {what} | {took.seconds:.1f} s | {took.memory:.0f} MiB | {took.private:.0f} MiB | {MEMORY:g} MiB |"
                for what, took in zip(("the index fetched", "the index in the cache"), solves, strict=True)
            ),
            "" if memory <= MEMORY else "\nThe bar is missed.",
        ]
    )


def main() -> None:
    """Measure, print, keep with `--write`; exit 1 when the memory's bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conda")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=conda_repodata.RECORDS)
    parser.add_argument("--write", action="store_true", help="keep the table in docs/benchmarks.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="conda-") as scratch:
        folder = Path(scratch)
        first, warm = creating(folder, given.rounds)
        packages, solves = solving(folder, given.records)
    text = _text(first, warm, packages, solves, given.records)
    print(text)
    if given.write:
        write(text, "conda")
    sys.exit(0 if max(each.memory for each in solves) <= MEMORY else 1)


if __name__ == "__main__":
    main()
