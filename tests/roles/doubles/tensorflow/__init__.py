"""As much of TensorFlow as `computes_tensorflow.py` asks for."""

# Another library's shapes, as far as a script asks for them.
# mypy: ignore-errors
from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from tape import GPUS, SAID, Big, Tensor, convolved
from typing_extensions import Self

__version__ = "2.21.0"
float16, bfloat16, float32 = "fp16", "bf16", "fp32"
_WHERE = ["cpu"]
Tensor.numpy = lambda self: self
Tensor.assign_sub = Tensor.less


@contextlib.contextmanager
def device(name: str) -> Iterator[None]:
    assert (name == "/CPU:0") == (os.environ.get("CUDA_VISIBLE_DEVICES") == "")
    _WHERE.append("cpu" if name == "/CPU:0" else f"cuda:{name.rpartition(':')[2]}")
    try:
        yield
    finally:
        _WHERE.pop()


def constant(rows: Any, dtype: str) -> Tensor:  # noqa: ANN401 - tensorflow's
    if SAID.get("exhausted") and _WHERE[-1] != "cpu":
        raise errors.ResourceExhaustedError("OOM when allocating tensor")
    return Tensor(rows, _WHERE[-1])


Variable = constant


def cast(tensor: Any, _kind: str) -> Any:  # noqa: ANN401 - tensorflow's
    return tensor


def matmul(one: Any, other: Any) -> Any:  # noqa: ANN401 - tensorflow's
    return one @ other


def tanh(tensor: Tensor) -> Tensor:
    return tensor.tanh()


def reduce_mean(tensor: Tensor) -> Tensor:
    return tensor.mean()


class GradientTape:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """End."""

    def gradient(self, loss: Tensor, layers: list[Tensor]) -> list[Tensor]:
        loss.backward()
        return [layer.grad for layer in layers if layer.grad]


class nn:  # noqa: N801 - tensorflow's
    @staticmethod
    def conv2d(image: Tensor, kernel: Tensor, *, strides: int, padding: str) -> Tensor:
        picture = [[value for (value,) in row] for row in image.rows[0]]
        window = [[value for ((value,),) in row] for row in kernel.rows]
        return Tensor([[[[value] for value in row] for row in convolved(picture, window)]], image.device)


class random:  # noqa: N801 - tensorflow's
    @staticmethod
    def normal(_shape: tuple[int, int]) -> Big:
        return Big()


class errors:  # noqa: N801 - tensorflow's
    class ResourceExhaustedError(Exception):
        pass


class sysconfig:  # noqa: N801 - tensorflow's
    @staticmethod
    def get_build_info() -> dict[str, object]:
        return {"cuda_version": "12.5.1", "cudnn_version": "9", "cuda_compute_capabilities": SAID.get("codes", [])}


class _Gpu:
    def __init__(self, at: int) -> None:
        self.at, self.name = at, f"/physical_device:GPU:{at}"


class config:  # noqa: N801 - tensorflow's
    @staticmethod
    def list_physical_devices(_kind: str) -> list[_Gpu]:
        return [_Gpu(at) for at in range(len(GPUS))]

    class experimental:  # noqa: N801 - tensorflow's
        @staticmethod
        def get_device_details(gpu: _Gpu) -> dict[str, object]:
            name, *capability = GPUS[gpu.at]
            return {"device_name": name, "compute_capability": tuple(capability)}

        @staticmethod
        def enable_tensor_float_32_execution(_on: bool) -> None:  # noqa: FBT001 - tensorflow's
            """Do nothing."""

    class threading:  # noqa: N801 - tensorflow's
        @staticmethod
        def get_intra_op_parallelism_threads() -> int:
            return 0
