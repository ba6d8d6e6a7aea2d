"""The comparison: the same resources, one box, one run, every tool in turn; `--write` puts the table into `docs/benchmarks.md`.

    python -m benchmarks.compare [--rounds 5] [--cold-rounds 1] [--sizes 20,100] [--delays 50,0] [--tools ssh,provision] [--write]

Needs root (it boots a box) and a package registry (each peer is installed into a venv of its own, once). A round runs
every tool once, so that whatever else this machine does falls on all alike. After each cold run the box itself is asked
whether the workload is there, and each no-op must say that it changed nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.delay_proxy import DelayProxy
from benchmarks.measure import Middle, Sample, measured, middle
from benchmarks.report import Case, write
from benchmarks.tools import TOOLS, Command, Link, Tool, versions
from benchmarks.workload import BOX_PACKAGES, Workload, fetch, reset
from provision.box.box import Box
from provision.box.root import DEMO_USER
from provision.box.signals import ending_raises


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One tool with a proxy of its own to the box."""

    tool: Tool
    proxy: DelayProxy
    command: Command

    def once(self, *, cold: bool) -> Sample:
        """Run the tool once; raises `RuntimeError` when it did not change what it should."""
        sample = measured(self.command.argv, folder=self.command.folder, environment=self.command.environment, proxy=self.proxy)
        changed = self.command.changed(sample.output)
        if changed is None or (changed > 0) != (cold and self.tool.applies):
            raise RuntimeError(f"{self.tool.name} changed {changed} in a {'cold' if cold else 'no-op'} run\n{sample.output}")
        return sample


def lane(tool: Tool, box: Box, workload: Workload, proxy: DelayProxy, folder: Path) -> Lane:
    """Return the lane of `tool`: its files below `folder`, its trust in the box through its own port."""
    folder.mkdir()
    known, config = folder / "known_hosts", folder / "ssh_config"
    known.write_text(box.known_hosts.read_text().replace(f":{box.port} ", f":{proxy.port} "))
    text = box.ssh_config.read_text().replace(f"Port {box.port}\n", f"Port {proxy.port}\n")
    config.write_text(text.replace(str(box.known_hosts), str(known)))
    link = Link(host=box.name, port=proxy.port, user=DEMO_USER, key=box.key, known_hosts=known, ssh_config=config)
    return Lane(tool=tool, proxy=proxy, command=tool.prepare(workload, link, folder))


def compare(box: Box, tools: Sequence[Tool], workload: Workload, delay: float, *, rounds: int, cold_rounds: int) -> Case:
    """Return what each tool took, cold and as a no-op, over a link of `delay` seconds a direction."""
    cold: dict[str, list[Sample]] = {tool.name: [] for tool in tools}
    no_op: dict[str, list[Sample]] = {tool.name: [] for tool in tools}
    with ExitStack() as open_until_the_end:
        scratch = Path(open_until_the_end.enter_context(tempfile.TemporaryDirectory(prefix="compare-")))
        proxies = [open_until_the_end.enter_context(DelayProxy(box.port, delay=delay)) for _ in tools]
        lanes = [lane(tool, box, workload, proxy, scratch / tool.name) for tool, proxy in zip(tools, proxies, strict=True)]
        for _ in range(cold_rounds):
            for each in lanes:
                if each.tool.applies:
                    reset(box)
                cold[each.tool.name].append(_told(each, each.once(cold=True), workload, "cold"))
                if each.tool.applies:
                    workload.reach(box)
        if not cold_rounds:
            next(each for each in lanes if each.tool.applies).once(cold=True)
        for _ in range(rounds):
            for each in lanes:
                no_op[each.tool.name].append(_told(each, each.once(cold=False), workload, "no-op"))
        workload.reach(box)
    return Case(
        size=workload.size,
        round_trip=round(delay * 2000),
        cold=_middles(cold),
        no_op=_middles(no_op),
    )


def _middles(samples: dict[str, list[Sample]]) -> dict[str, Middle]:
    return {name: middle(each) for name, each in samples.items() if each}


def _told(lane: Lane, sample: Sample, workload: Workload, what: str) -> Sample:
    print(
        f"{workload.size:5} {lane.tool.name:10} {what:6} {sample.seconds:7.2f} s {sample.turns:5} turns "
        f"{sample.up / 1024:8.1f} KiB up {sample.down / 1024:8.1f} KiB down "
        f"{sample.processor:6.2f} s processor {sample.memory:5.0f} MiB",
        file=sys.stderr,
        flush=True,
    )
    return sample


def main() -> None:
    """Parse the command line, measure, print the tables; `--write` keeps them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5, help="no-op runs of each tool")
    parser.add_argument("--cold-rounds", type=int, default=1, help="cold runs of each tool")
    parser.add_argument("--sizes", default="20,100", help="how many resources")
    parser.add_argument("--delays", default="50,0", help="round trips, milliseconds")
    parser.add_argument("--tools", default=",".join(tool.name for tool in TOOLS))
    parser.add_argument("--write", action="store_true", help="keep the tables in docs/benchmarks.md")
    given = parser.parse_args()
    tools = [tool for tool in TOOLS if tool.name in given.tools.split(",")]
    for tool in tools:
        tool.install()
    with ending_raises(), Box(packages=BOX_PACKAGES, say=lambda text: print(text, file=sys.stderr)) as box:
        fetch(box)
        named = [versions(tool) if tool.requirements else tool.name for tool in tools]
        for size in map(int, given.sizes.split(",")):
            for delay in map(int, given.delays.split(",")):
                reset(box)
                case = compare(box, tools, Workload(size), delay / 2000, rounds=given.rounds, cold_rounds=given.cold_rounds)
                print(f"{size} resources, {delay} ms\n\n{case.text(named)}\n", flush=True)
                if given.write:  # case by case: an hour's work is not lost with its last minute
                    write(case.text(named), f"compare: {size} resources, {delay} ms")


if __name__ == "__main__":
    main()
