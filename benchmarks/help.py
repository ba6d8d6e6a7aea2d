"""What `provision --help` costs, as a multiple of `python -c "import typer"`: the median of alternating runs.

    python benchmarks/help.py [ROUNDS]

The bar is 4. Alternating and taking the median keeps a busy machine from deciding.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 15
BAR = 4.0
BASE = (sys.executable, "-c", "import typer")
HELP = (sys.executable, "-c", "import sys; sys.argv[1:] = ['--help']; from provision.cli import main; main()")


def seconds(argv: tuple[str, ...]) -> float:
    """Return how long one run of `argv` takes."""
    began = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Measure, print, and exit with 1 above the bar."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    for argv in (BASE, HELP):  # once, so that byte code is on disk
        seconds(argv)
    pairs = [(seconds(BASE), seconds(HELP)) for _ in range(rounds)]
    base, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"import typer {base * 1000:.0f} ms, provision --help {ours * 1000:.0f} ms: {ours / base:.2f} times (bar {BAR:g})")
    sys.exit(ours / base > BAR)


if __name__ == "__main__":
    main()
