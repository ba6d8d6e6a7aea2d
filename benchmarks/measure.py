"""One run of one command, as a person starts it: what it took, on the clock, of the processor, of memory, of the link."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.delay_proxy import DelayProxy

_AS_IS = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Our own environment; with that variable set, whatever was installed a moment ago would be compiled in every run."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """`seconds` on the clock, `processor` seconds here, `memory` MiB of the largest process here; the link's turns and bytes."""

    seconds: float
    processor: float
    memory: float
    output: str
    turns: int = 0
    up: int = 0
    down: int = 0


def measured(argv: Sequence[str], *, folder: Path, environment: Mapping[str, str], proxy: DelayProxy) -> Sample:
    """Run `argv` to its end and return what it took; raises `RuntimeError` with its last lines when it fails."""
    proxy.reset()
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        child = subprocess.Popen(
            argv, cwd=folder, env={**_AS_IS, **environment}, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        turns, up, down = proxy.turns, proxy.bytes_up, proxy.bytes_down
        proxy.cut()  # ends what outlives the command (ansible's kept connection): each run starts from nothing
        output.seek(0)
        text = output.read().decode(errors="replace")
    if child.returncode != 0:
        last = "\n".join(text.splitlines()[-15:])
        raise RuntimeError(f"`{' '.join(argv)}` ended with {child.returncode}\n{last}")
    return Sample(
        seconds=seconds,
        processor=used.ru_utime + used.ru_stime,
        memory=used.ru_maxrss / 1024,
        output=text,
        turns=turns,
        up=up,
        down=down,
    )


@dataclass(frozen=True, kw_only=True)
class Middle:
    """The medians of several samples, and the smallest time."""

    seconds: float
    best: float
    processor: float
    memory: float
    turns: int
    up: int
    down: int
    count: int


def middle(samples: Sequence[Sample]) -> Middle:
    """Return the medians of `samples`."""
    return Middle(
        seconds=median(sample.seconds for sample in samples),
        best=min(sample.seconds for sample in samples),
        processor=median(sample.processor for sample in samples),
        memory=median(sample.memory for sample in samples),
        turns=round(median(sample.turns for sample in samples)),
        up=round(median(sample.up for sample in samples)),
        down=round(median(sample.down for sample in samples)),
        count=len(samples),
    )
