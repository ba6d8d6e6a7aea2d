"""Whether nvcc compiles for these GPUs: `- TOOLKIT CAPABILITY…`, such as `/usr/local/cuda 7.5 12.0`; TOOLKIT `-`: who is on PATH.

It compiles and links as a person's login shell does: with its PATH, and the host compiler that it selects (NVCC_CCBIN).
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PROGRAM = """
#include <cstdio>
#include <cuda_fp16.h>

__global__ void scale(float factor, const __half *in, float *out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = factor * __half2float(in[i]);
}

int main() {
    scale<<<1, 32>>>(2.0f, nullptr, nullptr);
    std::printf("%s\\n", cudaGetErrorString(cudaGetLastError()));
}
"""
MARK = "environment of the login shell:"
HINTS = (
    ("unsupported GNU version", "`provision apply cuda` selects a host compiler that this toolkit accepts"),
    ("nsupported gpu architecture", "this toolkit does not know the card: `provision explain` names one that does"),
    ("", "`provision apply cuda` installs what is missing"),
)


def verdict(evidence, *, code=0, hint=""):
    print(json.dumps({"evidence": evidence, "hint": hint} if hint else {"evidence": evidence}))
    sys.exit(code)


def login():
    """Return the environment of a login shell: what is in /etc/profile.d has been read."""
    done = subprocess.run(["bash", "-lc", f"echo '{MARK}'; env -0"], capture_output=True, text=True, check=False)
    pairs = done.stdout.partition(f"{MARK}\n")[2].split("\0")
    return {**os.environ, **dict(pair.split("=", 1) for pair in pairs if "=" in pair)}


def find(toolkit, environment):
    program = shutil.which("nvcc", path=environment["PATH"] if toolkit == "-" else f"{toolkit}/bin")
    if program is None:
        verdict(f"no nvcc {'on PATH' if toolkit == '-' else f'in {toolkit}/bin'}", code=1, hint="`provision apply cuda`")
    return program


def main():
    toolkit, *capabilities = sys.argv[1:]
    environment = login()
    nvcc = find(toolkit, environment)
    said = subprocess.run([nvcc, "--version"], capture_output=True, text=True, env=environment, check=False).stdout
    release = re.search(r"release (\d+\.\d+)", said)
    targets = [f"sm_{capability.replace('.', '')}" for capability in capabilities]
    codes = [f"-gencode=arch=compute_{target[3:]},code={target}" for target in targets]
    with tempfile.TemporaryDirectory() as folder:
        source, out = pathlib.Path(folder, "check.cu"), pathlib.Path(folder, "check")
        source.write_text(PROGRAM)
        argv = [nvcc, *codes, "-o", str(out), str(source)]
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
        made = out.exists() and out.stat().st_size > 0
    whose = ", ".join(targets) or "its own default"
    host = environment.get("NVCC_CCBIN") or "the system's g++"
    by = f"nvcc {release.group(1) if release else 'of unknown version'} with {host}"
    if done.returncode or not made:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if re.search("error|fatal|not found", line, re.IGNORECASE)] or lines
        why = " ".join(errors[:1]) or f"exit code {done.returncode}"
        hint = next(hint for words, hint in HINTS if words in done.stderr + done.stdout)
        verdict(f"{by}, for {whose}: {why}"[:390], code=1, hint=hint)
    verdict(f"{by} compiled for {whose}")


main()
