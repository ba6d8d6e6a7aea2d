"""TensorFlow, for `computes.py`, which follows it in a probe's text."""

import os
import time

FAST = 4096
"""Rows and columns of a product that is large enough to be timed."""


class Framework:
    """TensorFlow, as `computes.py` asks for it."""

    name = "TensorFlow"
    build = ""
    """One wheel serves GPU and processor: what counts is whether it finds the libraries."""
    cpu = "/CPU:0"

    def __init__(self, *, gpu):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        # All of each GPU's memory is taken otherwise, also from who trains on it meanwhile.
        os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
        if not gpu:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        import tensorflow as tf  # noqa: PLC0415 - the error is what is looked for

        self.tf = tf
        self.kinds = {"fp32": tf.float32, "fp16": tf.float16, "bf16": tf.bfloat16}
        self.about = tf.sysconfig.get_build_info()
        tf.config.experimental.enable_tensor_float_32_execution(False)  # noqa: FBT003 - it takes no name

    def versions(self):
        """Yield what people ask for first."""
        yield f"tensorflow {self.tf.__version__}"
        if self.about.get("cuda_version"):
            yield f"built for CUDA {self.about['cuda_version']}, cuDNN {self.about.get('cudnn_version', '?')}"
        threads = self.tf.config.threading.get_intra_op_parallelism_threads()
        processors = len(os.sched_getaffinity(0))
        yield f"BLAS Eigen, {threads or processors} threads on {processors} processors"

    def gpus(self):
        """Return device, name, capability of each GPU, and what the build has code for."""
        config, found = self.tf.config, []
        for at, gpu in enumerate(config.list_physical_devices("GPU")):
            about = config.experimental.get_device_details(gpu)
            name, capability = about.get("device_name", gpu.name), tuple(about.get("compute_capability", (0, 0)))
            found.append((f"/GPU:{at}", name, capability, self.about.get("cuda_compute_capabilities", ())))
        return found

    def busy(self, device, error):
        """Return whether the memory is another program's: we ask for hardly any."""
        return device != self.cpu and isinstance(error, self.tf.errors.ResourceExhaustedError)

    def multiply(self, device, kind, one, other):
        """Return a product."""
        with self.tf.device(device):
            a, b = (self.tf.constant(each, dtype=self.kinds[kind]) for each in (one, other))
            return self.tf.cast(self.tf.matmul(a, b), self.tf.float32).numpy().tolist()

    def convolve(self, device, image, kernel):
        """Return a convolution without its edges."""
        with self.tf.device(device):
            x = self.tf.constant([[[[value] for value in row] for row in image]], dtype=self.tf.float32)
            y = self.tf.constant([[[[value]] for value in row] for row in kernel], dtype=self.tf.float32)
            found = self.tf.nn.conv2d(x, y, strides=1, padding="VALID").numpy().tolist()[0]
        return [[value for (value,) in row] for row in found]

    def train(self, device, x, y, layers, rate):
        """Yield the loss and the gradients before each step."""
        tf = self.tf
        with tf.device(device):
            x, y = (tf.constant(each, dtype=tf.float32) for each in (x, y))
            layers = [tf.Variable(each, dtype=tf.float32) for each in layers]
        while True:
            with tf.device(device), tf.GradientTape() as tape:
                hidden = tf.tanh(tf.matmul(x, layers[0]))
                loss = tf.reduce_mean((tf.matmul(hidden, layers[1]) - y) ** 2)
            found = tape.gradient(loss, layers)
            yield float(loss.numpy()), [each.numpy().tolist() for each in found]
            for each, slope in zip(layers, found, strict=True):
                each.assign_sub(rate * slope)

    def seconds(self, device, kind):
        """Return how long a large product takes."""
        tf = self.tf
        with tf.device(device):
            a = tf.cast(tf.random.normal((FAST, FAST)), self.kinds[kind])
            for turns in (2, 10):  # the first ones choose the kernel
                began = time.perf_counter()
                for _ in range(turns):
                    found = tf.matmul(a, a)
                found[0, 0].numpy()
        return (time.perf_counter() - began) / turns
