"""Whether the GPUs compute right: `- TOOLKIT CAPABILITY…`, such as `/usr/local/cuda 7.5`; TOOLKIT `-`: who is on PATH.

Compiles a program with nvcc, runs it on every GPU, and compares its numbers with this processor's in double precision. Where
there is no GPU on the bus (of $CHECK_ROOT, for tests) it is skipped.
"""

import array
import json
import math
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
SIZE = 64
FACTOR = 2.5
LIMITS = {"saxpy": 1e-5, "fp32": 1e-4, "fp16": 2e-2}
"""Largest errors accepted, of values up to 1 and sums of 64 products; fp16 rounds each product to 11 bits."""
PROGRAM = r"""
#include <cstdio>
#include <cstdlib>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

const int N = 64;
const size_t BYTES = N * N * sizeof(float);

__global__ void saxpy(float factor, const float *x, const float *y, float *out) {
    int i = blockIdx.x * N + threadIdx.x;
    out[i] = factor * x[i] + y[i];
}

__global__ void fp32(const float *a, const float *b, float *out) {
    float sum = 0.0f;
    for (int k = 0; k < N; ++k) sum += a[blockIdx.x * N + k] * b[k * N + threadIdx.x];
    out[blockIdx.x * N + threadIdx.x] = sum;
}

__global__ void fp16(const float *a, const float *b, float *out) {
    float sum = 0.0f;
    for (int k = 0; k < N; ++k) {
        __half x = __float2half(a[blockIdx.x * N + k]), y = __float2half(b[k * N + threadIdx.x]);
#if __CUDA_ARCH__ >= 530
        sum += __half2float(__hmul(x, y));
#else
        sum += __half2float(x) * __half2float(y);
#endif
    }
    out[blockIdx.x * N + threadIdx.x] = sum;
}

static void good(cudaError_t error, const char *what) {
    if (error == cudaSuccess) return;
    std::fprintf(stderr, "%s: %s (CUDA error %d)\n", what, cudaGetErrorString(error), static_cast<int>(error));
    std::exit(1);
}

int main(int argc, char **argv) {
    int count = 0;
    good(cudaGetDeviceCount(&count), "counting the GPUs");
    if (argc < 2) return std::printf("%d\n", count) < 0;
    int device = std::atoi(argv[1]);
    good(cudaSetDevice(device), "taking the GPU");
    cudaDeviceProp about;
    good(cudaGetDeviceProperties(&about, device), "asking the GPU");
    static float a[N * N], b[N * N], out[N * N];
    if (std::fread(a, 1, BYTES, stdin) != BYTES || std::fread(b, 1, BYTES, stdin) != BYTES) return 2;
    float *x, *y, *z;
    good(cudaMalloc(&x, BYTES), "taking memory");
    good(cudaMalloc(&y, BYTES), "taking memory");
    good(cudaMalloc(&z, BYTES), "taking memory");
    good(cudaMemcpy(x, a, BYTES, cudaMemcpyHostToDevice), "copying to the GPU");
    good(cudaMemcpy(y, b, BYTES, cudaMemcpyHostToDevice), "copying to the GPU");
    std::printf("%s, %d.%d\n", about.name, about.major, about.minor);
    for (int step = 0; step < 3; ++step) {
        if (step == 0) saxpy<<<N, N>>>(2.5f, x, y, z);
        if (step == 1) fp32<<<N, N>>>(x, y, z);
        if (step == 2) fp16<<<N, N>>>(x, y, z);
        good(cudaGetLastError(), "starting the kernel");
        good(cudaMemcpy(out, z, BYTES, cudaMemcpyDeviceToHost), "copying from the GPU");
        if (std::fwrite(out, 1, BYTES, stdout) != BYTES) return 2;
    }
    return 0;
}
"""
MARK = "environment of the login shell:"
HINTS = (
    ("CUDA error 35)", "no driver answers, or it is older than this toolkit: `provision doctor`, `provision explain`"),
    ("CUDA error 209)", "the program has no code for this card: `provision apply cuda`"),
    ("CUDA error 803)", "`sudo reboot`: module and library are of different versions"),
    ("", "`provision doctor` says what keeps the GPU from working"),
)


def verdict(evidence, *, code=0, hint=""):
    print(json.dumps({"evidence": evidence[:390], "hint": hint} if hint else {"evidence": evidence[:390]}))
    sys.exit(code)


def on_the_bus(root):
    """Return how many GPUs of NVIDIA's there are."""
    devices = root.glob("sys/bus/pci/devices/*")
    files = [((each / "vendor").read_text().strip(), (each / "class").read_text()) for each in devices]
    return sum(1 for vendor, kind in files if vendor == "0x10de" and kind.startswith("0x03"))


def login():
    """Return the environment of a login shell: what is in /etc/profile.d has been read."""
    done = subprocess.run(["bash", "-lc", f"echo '{MARK}'; env -0"], capture_output=True, text=True, check=False)
    pairs = done.stdout.partition(f"{MARK}\n")[2].split("\0")
    return {**os.environ, **dict(pair.split("=", 1) for pair in pairs if "=" in pair)}


def workplace():
    """Return a folder in which programs may be started: /tmp may be mounted noexec."""
    places = [tempfile.gettempdir(), "/var/tmp", "/run", str(pathlib.Path.home())]  # noqa: S108 - looked at, then mkdtemp
    for place in places:
        if pathlib.Path(place).is_dir() and os.access(place, os.W_OK) and not os.statvfs(place).f_flag & os.ST_NOEXEC:
            return place
    verdict(f"no folder in which a program may be started: {', '.join(places)}", code=1)
    return ""


def build(folder, toolkit, capabilities):
    environment = login()
    nvcc = shutil.which("nvcc", path=environment["PATH"] if toolkit == "-" else f"{toolkit}/bin")
    if nvcc is None:
        verdict(f"no nvcc {'on PATH' if toolkit == '-' else f'in {toolkit}/bin'}", code=1, hint="`provision apply cuda`")
    source, out = folder / "check.cu", folder / "check"
    source.write_text(PROGRAM)
    targets = [capability.replace(".", "") for capability in capabilities]
    codes = [f"-gencode=arch=compute_{target},code=sm_{target}" for target in targets]
    argv = [nvcc, *codes, "-o", str(out), str(source)]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
    if done.returncode or not out.exists():
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        verdict(f"nvcc: {lines[0] if lines else done.returncode}", code=1, hint="`provision verify cuda` says what nvcc lacks")
    return out


def run(program, *words, given=b""):
    done = subprocess.run([program, *words], input=given, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        why = said[-1] if said else f"the program ended with {done.returncode}"
        verdict(why, code=1, hint=next(hint for words, hint in HINTS if words in why))
    return done.stdout


def expected(one, other):
    """Return what the three kernels should find, in double precision."""
    rows = [one[at : at + SIZE] for at in range(0, SIZE * SIZE, SIZE)]
    columns = [other[at::SIZE] for at in range(SIZE)]
    product = [math.fsum(a * b for a, b in zip(row, column, strict=True)) for row in rows for column in columns]
    return {"saxpy": [FACTOR * a + b for a, b in zip(one, other, strict=True)], "fp32": product, "fp16": product}


def errors(said, right):
    found = array.array("f")
    found.frombytes(said)
    if len(found) != 3 * SIZE * SIZE:
        verdict(f"the GPU sent {len(found)} numbers, expected {3 * SIZE * SIZE}", code=1)
    for at, (name, values) in enumerate(right.items()):
        mine = found[at * SIZE * SIZE : (at + 1) * SIZE * SIZE]
        worst = max(abs(a - b) if math.isfinite(a) else math.inf for a, b in zip(mine, values, strict=True))
        yield name, worst


def main():
    toolkit, *capabilities = sys.argv[1:]
    if not on_the_bus(pathlib.Path(os.environ.get("CHECK_ROOT", "/"))):
        verdict("no NVIDIA GPU on the bus: nothing was computed", code=SKIPPED)
    draw = random.Random(7).randint  # noqa: S311 - the same numbers each time
    # Multiples of 1/1024 up to 1: exact in fp16 too, so that all errors are the GPU's.
    one, other = ([draw(-1024, 1024) / 1024 for _ in range(SIZE * SIZE)] for _ in range(2))
    right, given = expected(one, other), array.array("f", one).tobytes() + array.array("f", other).tobytes()
    said, good = [], True
    with tempfile.TemporaryDirectory(dir=workplace()) as folder:
        program = build(pathlib.Path(folder), toolkit, capabilities)
        for device in range(int(run(program))):
            name, _, numbers = run(program, str(device), given=given).partition(b"\n")
            worst = dict(errors(numbers, right))
            good = good and all(error <= LIMITS[kernel] for kernel, error in worst.items())
            shown = ", ".join(f"{kernel} {error:.0e}" if error else f"{kernel} 0" for kernel, error in worst.items())
            said.append(f"{name.decode(errors='replace')}: {shown}")
    if not said:
        verdict("CUDA shows no GPU", code=1, hint="`provision doctor` says what keeps the driver from the card")
    evidence = f"largest errors against the CPU's float64: {'; '.join(said)}"
    verdict(
        evidence, code=0 if good else 1, hint="" if good else "the card computes wrong: lower its clocks, check power and heat"
    )


main()
