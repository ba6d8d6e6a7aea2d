"""Matrices that know how they were computed, for the doubles of the frameworks; and the faults that a test asks of them.

$DOUBLE is JSON: `gpus` are [name, major, minor], `codes` what the build has code for, `fault` what goes wrong on device `at`
(empty: on every one): `wrong` products, `nan`, wrong `slope`, weights that stay (`flat`), or what `raises` when something is put
on the device.
"""

# Another library's shapes, as far as a script asks for them.
# mypy: ignore-errors
from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from typing import Any

SAID: dict[str, Any] = json.loads(os.environ.get("DOUBLE", "{}"))
GPUS: list[tuple[str, int, int]] = [tuple(each) for each in SAID.get("gpus", ())]
Rows = list[list[float]]
Backward = Callable[[Rows], list[tuple["Tensor", Rows]]]


def faulty(fault: str, device: str) -> bool:
    return SAID.get("fault") == fault and SAID.get("at", "") in {"", device}


def transposed(rows: Rows) -> Rows:
    return [list(row) for row in zip(*rows, strict=True)]


def product(one: Rows, other: Rows) -> Rows:
    columns = list(zip(*other, strict=True))
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in one]


def each(change: Callable[..., float], *all_rows: Rows) -> Rows:
    return [[change(*values) for values in zip(*rows, strict=True)] for rows in zip(*all_rows, strict=True)]


class Tensor:
    """Rows of numbers on a device; after `backward` of what came of them, `grad` is their slope."""

    def __init__(self, rows: Any, device: str = "cpu", backward: Backward | None = None) -> None:  # noqa: ANN401 - nested lists
        if isinstance(rows, Tensor):
            rows = rows.rows
        if backward is None and SAID.get("raises") and SAID.get("at", "") in {"", device} and device != "cpu":
            raise RuntimeError(SAID["raises"])
        self.rows, self.device, self.backward_of, self.grad = rows, device, backward, None

    def tolist(self) -> Any:  # noqa: ANN401 - nested lists
        return self.rows

    def item(self) -> float:
        return float(self.rows[0][0])

    __float__ = item

    def made(self, rows: Rows, backward: Backward) -> Tensor:
        return Tensor(rows, self.device, backward)

    def __matmul__(self, other: Tensor) -> Tensor:
        rows = product(self.rows, other.rows)
        if faulty("wrong", self.device):
            rows[3][0] += 0.5
        if faulty("nan", self.device):
            rows[-1][-1] = math.nan

        def backward(slope: Rows) -> list[tuple[Tensor, Rows]]:
            factor = 1.5 if faulty("slope", self.device) else 1.0
            mine, its = product(slope, transposed(other.rows)), product(transposed(self.rows), slope)
            return [(self, mine), (other, each(lambda value: value * factor, its))]

        return self.made(rows, backward)

    def tanh(self) -> Tensor:
        rows = each(math.tanh, self.rows)
        return self.made(rows, lambda slope: [(self, each(lambda s, t: s * (1 - t * t), slope, rows))])

    def __sub__(self, other: Tensor) -> Tensor:
        return self.made(each(lambda a, b: a - b, self.rows, other.rows), lambda slope: [(self, slope)])

    def __rmul__(self, factor: float) -> Tensor:
        return self.made(each(lambda a: factor * a, self.rows), lambda _: [])

    def __pow__(self, _two: int) -> Tensor:
        return self.made(each(lambda a: a * a, self.rows), lambda slope: [(self, each(lambda s, a: 2 * s * a, slope, self.rows))])

    def mean(self) -> Tensor:
        count = len(self.rows) * len(self.rows[0])
        rows = [[sum(map(sum, self.rows)) / count]]
        return self.made(rows, lambda slope: [(self, each(lambda _: slope[0][0] / count, self.rows))])

    def less(self, other: Tensor) -> None:
        if not faulty("flat", self.device):
            self.rows = each(lambda a, b: a - b, self.rows, other.rows)

    def backward(self) -> None:
        todo: list[tuple[Tensor, Rows]] = [(self, [[1.0]])]
        while todo:
            tensor, slope = todo.pop()
            tensor.grad = Tensor(slope, tensor.device, lambda _: [])
            if tensor.backward_of:
                todo += tensor.backward_of(slope)


class Big:
    """A product too large for this, which only its time is asked of."""

    def __matmul__(self, _other: Big) -> Big:
        return self

    def __getitem__(self, _at: object) -> Big:
        return self

    def block_until_ready(self) -> None:
        """Be ready."""

    numpy = block_until_ready


def convolved(image: Rows, kernel: Rows) -> Rows:
    side, window = range(len(image) - len(kernel) + 1), range(len(kernel))
    return [[sum(image[i + k][j + m] * kernel[k][m] for k in window for m in window) for j in side] for i in side]
