"""JAX, for `computes.py`, which follows it in a probe's text."""

import os
import time
from importlib import metadata

FAST = 4096
"""Rows and columns of a product that is large enough to be timed."""


def installed(*names):
    """Return the version of the first of `names` that is installed, empty where none is."""
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return ""


class Framework:
    """JAX, as `computes.py` asks for it."""

    name = "JAX"

    def __init__(self, *, gpu):
        # Three quarters of each GPU's memory are taken otherwise, also from who trains on it meanwhile.
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
        if not gpu:
            os.environ["JAX_PLATFORMS"] = "cpu"
        import jax  # noqa: PLC0415 - the error is what is looked for

        self.jax, self.np = jax, jax.numpy
        self.kinds = {"fp32": jax.numpy.float32, "fp16": jax.numpy.float16, "bf16": jax.numpy.bfloat16}
        majors = [major for major in (13, 12) if installed(f"jax-cuda{major}-plugin")]
        self.major = majors[0] if majors else 0
        self.build = f"cuda{self.major}" if majors else "cpu"

    @property
    def cpu(self):
        """The processor."""
        return self.jax.devices("cpu")[0]

    def versions(self):
        """Yield what people ask for first."""
        yield f"jax {self.jax.__version__}"
        if self.major:
            yield f"CUDA {installed('nvidia-cuda-runtime', f'nvidia-cuda-runtime-cu{self.major}') or self.major}"
            yield f"cuDNN {installed(f'nvidia-cudnn-cu{self.major}') or 'of the system'}"
        yield f"BLAS XLA, {len(os.sched_getaffinity(0))} processors"

    def gpus(self):
        """Return device, name and capability of each GPU; the build compiles for whatever card there is."""
        return [
            (gpu, gpu.device_kind, tuple(map(int, gpu.compute_capability.split("."))), ()) for gpu in self.jax.devices("cuda")
        ]

    def busy(self, device, error):
        """Return whether the memory is another program's: we ask for hardly any."""
        return device.platform != "cpu" and "RESOURCE_EXHAUSTED" in str(error)

    def put(self, device, rows, kind="fp32"):
        """Return numbers on a device."""
        return self.jax.device_put(self.np.asarray(rows, dtype=self.kinds[kind]), device)

    def multiply(self, device, kind, one, other):
        """Return a product."""
        found = self.np.matmul(self.put(device, one, kind), self.put(device, other, kind), precision="highest")
        return found.astype(self.np.float32).tolist()

    def convolve(self, device, image, kernel):
        """Return a convolution without its edges."""
        x, y = (self.put(device, [[each]]) for each in (image, kernel))
        return self.jax.lax.conv(x, y, (1, 1), "VALID", precision="highest").tolist()[0][0]

    def train(self, device, x, y, layers, rate):
        """Yield the loss and the gradients before each step."""
        x, y = self.put(device, x), self.put(device, y)
        layers = [self.put(device, each) for each in layers]

        def loss(layers):
            hidden = self.np.tanh(self.np.matmul(x, layers[0], precision="highest"))
            return self.np.mean((self.np.matmul(hidden, layers[1], precision="highest") - y) ** 2)

        slope = self.jax.jit(self.jax.value_and_grad(loss))
        while True:
            value, found = slope(layers)
            yield float(value), [each.tolist() for each in found]
            layers = [each - rate * its for each, its in zip(layers, found, strict=True)]

    def seconds(self, device, kind):
        """Return how long a large product takes."""
        a = self.put(device, self.jax.random.normal(self.jax.random.key(7), (FAST, FAST)), kind)
        square = self.jax.jit(lambda a: self.np.matmul(a, a, precision="highest"))
        for turns in (2, 10):  # the first ones compile it
            began = time.perf_counter()
            for _ in range(turns):
                found = square(a)
            found.block_until_ready()
        return (time.perf_counter() - began) / turns
