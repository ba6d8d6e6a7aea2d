"""As much of JAX as `computes_jax.py` asks for."""

# Another library's shapes, as far as a script asks for them.
# mypy: ignore-errors
from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tape import GPUS, SAID, Big, Tensor, convolved

from jax import numpy  # noqa: F401 - as JAX does

__version__ = "0.12.0"


class Device:
    def __init__(self, at: int | None = None) -> None:
        self.platform = "cpu" if at is None else "gpu"
        self.name = "cpu" if at is None else f"cuda:{at}"
        if at is not None:
            self.device_kind, major, minor = GPUS[at]
            self.compute_capability = f"{major}.{minor}"


def devices(kind: str) -> list[Device]:
    if kind == "cpu":
        return [Device()]
    assert "JAX_PLATFORMS" not in os.environ
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    if SAID.get("init"):
        raise RuntimeError(SAID["init"])
    return [Device(at) for at in range(len(GPUS))]


def device_put(value: Any, device: Device) -> Any:  # noqa: ANN401 - jax's
    return value if isinstance(value, Big) else Tensor(value, device.name)


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def value_and_grad(function: Callable[[list[Tensor]], Tensor]) -> Callable[[list[Tensor]], tuple[Tensor, list[Tensor]]]:
    def both(layers: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        if SAID.get("fault") == "flat":
            layers = [Tensor(rows, one.device) for rows, one in zip(first(layers), layers, strict=True)]
        loss = function(layers)
        loss.backward()
        return loss, [layer.grad for layer in layers if layer.grad]

    return both


_FIRST: list[list[Any]] = []


def first(layers: list[Tensor]) -> list[Any]:
    """Return the layers as they were at first."""
    _FIRST.append([layer.rows for layer in layers])
    return _FIRST[0]


class lax:  # noqa: N801 - jax's
    @staticmethod
    def conv(image: Tensor, kernel: Tensor, _strides: tuple[int, int], _padding: str, *, precision: str) -> Tensor:
        return Tensor([[convolved(image.rows[0][0], kernel.rows[0][0])]], image.device)


class random:  # noqa: N801 - jax's
    @staticmethod
    def key(seed: int) -> int:
        return seed

    @staticmethod
    def normal(_key: int, _shape: tuple[int, int]) -> Big:
        return Big()
