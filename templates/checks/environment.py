"""Multiply matrices in an environment: `- PREFIX`, fed to its Python on stdin. Prints the evidence as JSON."""

import json
import math
import platform
import random
import sys

SIZE = 48
LIMIT = 1e-12
"""Largest error accepted, of sums of 48 products of numbers up to 1: float64 has 2.2e-16 a step."""


def verdict(evidence, *, good):
    print(json.dumps({"evidence": evidence}))
    sys.exit(0 if good else 1)


def product(one, other, add):
    columns = list(zip(*other, strict=True))
    return [[add(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in one]


def computed(one, other):
    """Return the product and what computed it."""
    try:
        import numpy as np  # noqa: PLC0415 - where the environment has it
    except ImportError:
        return product(one, other, sum), "no NumPy"
    return (np.array(one) @ np.array(other)).tolist(), f"NumPy {np.__version__}"


def main():
    if sys.prefix != sys.argv[1]:
        verdict(f"this Python belongs to {sys.prefix}, not to {sys.argv[1]}", good=False)
    draw = random.Random(7).uniform  # noqa: S311 - the same numbers each time
    one, other = ([[draw(-1, 1) for _ in range(SIZE)] for _ in range(SIZE)] for _ in range(2))
    found, how = computed(one, other)
    exact = product(one, other, math.fsum)
    error = max(abs(a - b) for row, line in zip(found, exact, strict=True) for a, b in zip(row, line, strict=True))
    said = f"Python {platform.python_version()}, {how}; {SIZE} by {SIZE} product, largest error {error:.0e}"
    verdict(said, good=error <= LIMIT)


main()
