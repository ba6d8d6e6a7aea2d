"""PyTorch, for `computes.py`, which follows it in a probe's text."""

import os
import re
import time

FAST = 4096
"""Rows and columns of a product that is large enough to be timed."""


def cudnn(number):
    """Return `9.26.0` for 92600, and `8.9.2` for 8902."""
    major, rest = divmod(number, 10_000 if number >= 90_000 else 1000)
    return f"{major}.{rest // 100}.{rest % 100}"


class Framework:
    """PyTorch, as `computes.py` asks for it."""

    name = "PyTorch"
    cpu = "cpu"

    def __init__(self, *, gpu):  # noqa: ARG002 - the same for all frameworks
        import torch  # noqa: PLC0415 - the error is what is looked for

        self.torch = torch
        self.kinds = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
        self.build = f"cu{torch.version.cuda.replace('.', '')}" if torch.version.cuda else "cpu"

    def versions(self):
        """Yield what people ask for first."""
        torch = self.torch
        yield f"torch {torch.__version__}"
        if torch.version.cuda:
            yield f"CUDA {torch.version.cuda}"
            yield f"cuDNN {cudnn(torch.backends.cudnn.version() or 0)}"
        blas = re.search(r"BLAS_INFO=([\w-]+)", torch.__config__.show())
        if blas:
            yield f"BLAS {blas[1]}"
        yield f"{torch.get_num_threads()} threads on {len(os.sched_getaffinity(0))} processors"

    def gpus(self):
        """Return device, name, capability of each GPU, and what the build has code for."""
        cuda = self.torch.cuda
        cuda.init()  # says why where there is none
        codes = cuda.get_arch_list()
        indexes = range(cuda.device_count())
        return [(f"cuda:{at}", cuda.get_device_name(at), tuple(cuda.get_device_capability(at)), codes) for at in indexes]

    def busy(self, device, error):
        """Return whether the memory is another program's: less than half a GiB is free."""
        return "out of memory" in str(error) and self.torch.cuda.mem_get_info(device)[0] < 1 << 29

    def tensor(self, device, rows, kind="fp32", **more):
        """Return numbers on a device."""
        return self.torch.tensor(rows, dtype=self.kinds[kind], device=device, **more)

    def multiply(self, device, kind, one, other):
        """Return a product, `None` where old releases have none of this kind on the processor."""
        try:
            found = self.tensor(device, one, kind) @ self.tensor(device, other, kind)
        except RuntimeError as error:
            if device == self.cpu and "not implemented for" in str(error):
                return None
            raise
        return found.to(self.torch.float64).cpu().tolist()

    def convolve(self, device, image, kernel):
        """Return a convolution without its edges."""
        x, y = (self.tensor(device, [[each]]) for each in (image, kernel))
        return self.torch.nn.functional.conv2d(x, y).cpu().tolist()[0][0]

    def train(self, device, x, y, layers, rate):
        """Yield the loss and the gradients before each step."""
        x, y = self.tensor(device, x), self.tensor(device, y)
        layers = [self.tensor(device, each, requires_grad=True) for each in layers]
        while True:
            loss = (((x @ layers[0]).tanh() @ layers[1] - y) ** 2).mean()
            loss.backward()
            yield loss.item(), [each.grad.cpu().tolist() for each in layers]
            with self.torch.no_grad():
                for each in layers:
                    each -= rate * each.grad  # noqa: PLW2901 - in place
                    each.grad = None

    def seconds(self, device, kind):
        """Return how long a large product takes."""
        torch = self.torch
        a = torch.randn(FAST, FAST, dtype=self.kinds[kind], device=device)
        for turns in (2, 10):  # the first ones choose the kernel
            torch.cuda.synchronize(device)
            began = time.perf_counter()
            for _ in range(turns):
                _ = a @ a
            torch.cuda.synchronize(device)
        return (time.perf_counter() - began) / turns
