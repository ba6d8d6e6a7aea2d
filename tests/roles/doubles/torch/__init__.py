"""As much of PyTorch as `computes_torch.py` asks for."""

# Another library's shapes, as far as a script asks for them.
# mypy: ignore-errors
from __future__ import annotations

import contextlib
from typing import Any

from tape import GPUS, SAID, Big, convolved
from tape import Tensor as Plain
from typing_extensions import Self

if SAID.get("import"):
    raise ImportError(SAID["import"])

__version__ = "2.15.0"
float16, bfloat16, float32, float64 = "fp16", "bf16", "fp32", "fp64"
no_grad = contextlib.nullcontext


class Tensor(Plain):
    def to(self, _kind: str) -> Tensor:
        return self

    cpu = lambda self: self  # noqa: E731 - one line as the others

    def __isub__(self, other: Plain) -> Self:
        self.less(other)
        return self


Plain.to = Tensor.to
Plain.cpu = Tensor.cpu


def tensor(rows: Any, *, dtype: str, device: str, requires_grad: bool = False) -> Tensor:  # noqa: ANN401 - torch's
    if SAID.get("lacks") == dtype:
        raise RuntimeError(f"\"addmm_impl_cpu_\" not implemented for '{dtype}'")
    return Tensor(rows, device)


def randn(*_shape: int, dtype: str, device: str) -> Big:
    return Big()


def get_num_threads() -> int:
    return 8


class version:  # noqa: N801 - torch's
    cuda = SAID.get("cuda")


class nn:  # noqa: N801 - torch's
    class functional:  # noqa: N801 - torch's
        @staticmethod
        def conv2d(image: Plain, kernel: Plain) -> Plain:
            return Tensor([[convolved(image.rows[0][0], kernel.rows[0][0])]], image.device)


class backends:  # noqa: N801 - torch's
    class cudnn:  # noqa: N801 - torch's
        @staticmethod
        def version() -> int:
            return 92600


class __config__:  # noqa: N801 - torch's
    @staticmethod
    def show() -> str:
        return "  - Build settings: BLAS_INFO=mkl, BUILD_TYPE=Release, "


class cuda:  # noqa: N801 - torch's
    @staticmethod
    def init() -> None:
        if SAID.get("init"):
            raise RuntimeError(SAID["init"])

    @staticmethod
    def is_available() -> bool:
        return True

    @staticmethod
    def get_arch_list() -> list[str]:
        return list(SAID.get("codes", ()))

    @staticmethod
    def device_count() -> int:
        return len(GPUS)

    @staticmethod
    def get_device_name(at: int) -> str:
        return GPUS[at][0]

    @staticmethod
    def get_device_capability(at: int) -> tuple[int, int]:
        return GPUS[at][1:]

    @staticmethod
    def mem_get_info(_device: str) -> tuple[int, int]:
        return int(SAID.get("free", 8 << 30)), 8 << 30

    @staticmethod
    def synchronize(_device: str) -> None:
        """Wait for nothing."""
