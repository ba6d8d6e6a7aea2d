"""The scripts of the GPU roles' checks, without a GPU: a made /sys, a double of NVIDIA's library, and an nvcc that is none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from provision.catalog.templates import template

SKIPPED = 77
VERSION = "595.84"
SLOT = "0000:09:00.0"
NO_GPU = (SKIPPED, "no NVIDIA GPU on the bus")

compiled = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler to make the double of libnvidia-ml")


def run(script: str, *words: str, **environment: object) -> tuple[int, str, str]:
    """Run a check's script as a probe does; return its code, evidence and hint."""
    done = subprocess.run(
        [sys.executable, "-", *words],
        input=template(f"checks/{script}.py"),
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", **{name: str(value) for name, value in environment.items()}},
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    assert "Traceback" not in done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    return done.returncode, said["evidence"], said.get("hint", "")


def tool(folder: Path, name: str, text: str) -> Path:
    """Put a shell script into `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A machine with another maker's card."""
    return card(tmp_path / "root", "0000:00:02.0", vendor="0x8086", driver="i915")


@pytest.fixture
def root(bare: Path) -> Path:
    """A machine with a GPU that nvidia drives, and the GPU's sound device."""
    module = bare / "sys/module/nvidia"
    module.mkdir(parents=True)
    (module / "version").write_text(f"{VERSION}\n")
    card(bare, "0000:09:00.1", kind="0x040300", driver="snd_hda_intel")
    return card(bare, SLOT)


def card(root: Path, slot: str, *, vendor: str = "0x10de", kind: str = "0x030000", driver: str = "nvidia") -> Path:
    device = root / "sys/bus/pci/devices" / slot
    device.mkdir(parents=True)
    (device / "vendor").write_text(f"{vendor}\n")
    (device / "class").write_text(f"{kind}\n")
    if driver:
        (device / "driver").symlink_to(f"../../../../bus/pci/drivers/{driver}")
    return root


@pytest.fixture(scope="session")
def nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the double of libnvidia-ml."""
    folder = tmp_path_factory.mktemp("nvml")
    source = Path(__file__).with_name("fake_nvml.c")
    library = folder / f"libnvidia-ml.so.{VERSION}"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
    (folder / "libnvidia-ml.so.1").symlink_to(library.name)
    return folder


# driver_agrees


def modinfo(folder: Path, version: str, name: str = "nvidia") -> str:
    """Return a PATH whose modinfo knows one module, of the running kernel only."""
    test = f'[ "$2" = "{os.uname().release}" ] && [ "$5" = {name} ] && echo {version} && exit 0\nexit 1'
    return f"{tool(folder / 'bin', 'modinfo', test)}:/usr/bin:/bin"


@compiled
@pytest.mark.parametrize(
    ("disk", "loaded", "code", "evidence", "hint"),
    [
        (VERSION, VERSION, 0, f"module = library = disk = {VERSION}", ""),
        (VERSION, "595.71.05", 1, "loaded 595.71.05, library 595.84, on disk for", "`sudo reboot`"),
        ("595.71.05", "595.71.05", 1, "on disk for", "`provision apply nvidia`"),
        ("", VERSION, 1, "none", "`provision apply nvidia`"),
        (VERSION, "", 1, "loaded none", "`sudo modprobe nvidia`"),
    ],
    ids=["agrees", "upgraded", "library alone", "not on disk", "not loaded"],
)
def test_versions(tmp_path: Path, root: Path, nvml: Path, *, disk: str, loaded: str, code: int, evidence: str, hint: str) -> None:
    file = root / "sys/module/nvidia/version"
    file.write_text(loaded) if loaded else file.unlink()
    found = run("driver_agrees", str(root), PATH=modinfo(tmp_path, disk), LD_LIBRARY_PATH=nvml)
    assert found[0] == code
    assert evidence in found[1]
    assert found[2].startswith(hint)
    assert bool(found[2]) == bool(code)


@compiled
@pytest.mark.parametrize("name", ["nvidia-current", "nvidia-current-open"])
def test_debian_calls_the_module_otherwise(tmp_path: Path, root: Path, nvml: Path, name: str) -> None:
    found = run("driver_agrees", str(root), PATH=modinfo(tmp_path, VERSION, name), LD_LIBRARY_PATH=nvml)
    assert found == (0, f"module = library = disk = {VERSION}", "")


def test_no_library(tmp_path: Path, root: Path) -> None:
    code, evidence, hint = run("driver_agrees", str(root), PATH=modinfo(tmp_path, VERSION))
    assert (code, "library none" in evidence, "provision apply nvidia" in hint) == (1, True, True)


# nouveau_absent


@pytest.mark.parametrize(
    ("module", "driver", "says", "code", "evidence"),
    [
        (
            "",
            "nvidia",
            "blacklist nouveau",
            0,
            f"neither nouveau nor nova is loaded, nouveau is blocked, {SLOT} driven by nvidia",
        ),
        ("", "", "install nouveau /bin/false", 0, f"nouveau is blocked, {SLOT} driven by nothing"),
        ("", "nvidia", "blacklist nouveau_other", 1, f"nothing keeps nouveau from the next boot, {SLOT} driven by nvidia"),
        ("nouveau", "nouveau", "blacklist nouveau", 1, f"nouveau loaded, {SLOT} driven by nouveau"),
        ("nouveau", "nvidia", "blacklist nouveau", 1, f"nouveau loaded, {SLOT} driven by nvidia"),
        ("nova_core", "nova-core", "blacklist nouveau", 1, f"nova_core loaded, {SLOT} driven by nova-core"),
        ("", "NovaCore", "blacklist nouveau", 1, f"a free driver loaded, {SLOT} driven by NovaCore"),
    ],
)
def test_free_drivers(tmp_path: Path, bare: Path, *, module: str, driver: str, says: str, code: int, evidence: str) -> None:
    if module:
        (bare / "sys/module" / module).mkdir(parents=True)
    path = f"{tool(tmp_path / 'bin', 'modprobe', f'echo alias x y; echo {says}')}:/usr/bin:/bin"
    found = run("nouveau_absent", str(card(bare, SLOT, driver=driver)), PATH=path)
    assert (found[0], evidence in found[1]) == (code, True), found


@pytest.mark.parametrize("words", [("driver_agrees",), ("nouveau_absent",), ("nvml", "1"), ("persistence",)])
def test_without_a_gpu_nothing_is_claimed(bare: Path, words: tuple[str, ...]) -> None:
    assert run(*words, str(bare))[:2] == NO_GPU


# nvml and persistence


@compiled
def test_nvml_answers(root: Path, nvml: Path) -> None:
    card(root, "0000:0a:00.0")
    found = run("nvml", "2", str(root), LD_LIBRARY_PATH=nvml, GPUS=2)
    assert found == (0, "driver 595.84 shows 2 of 2: NVIDIA GeForce RTX 2070 SUPER 8.0 GiB, NVIDIA GeForce RTX 3090 8.0 GiB", "")


@compiled
@pytest.mark.parametrize(("wanted", "shown", "code"), [(1, 1, 0), (2, 1, 1), (1, 0, 1), (0, 1, 0)])
def test_nvml_shows_too_few(root: Path, nvml: Path, wanted: int, shown: int, code: int) -> None:
    found = run("nvml", str(wanted), str(root), LD_LIBRARY_PATH=nvml, GPUS=shown)
    assert (found[0], f"shows {shown} of {max(wanted, 1)}" in found[1]) == (code, True)


@compiled
@pytest.mark.parametrize(
    ("function", "number", "evidence", "hint"),
    [
        ("nvmlInit_v2", 4, "this user may not use the GPU", "/dev/nvidia"),
        ("nvmlInit_v2", 9, "the driver is not loaded", "`sudo modprobe nvidia`"),
        ("nvmlInit_v2", 12, "libnvidia-ml.so.1 is not installed", "`provision apply nvidia`"),
        ("nvmlDeviceGetHandleByIndex_v2", 15, "the GPU is lost", "`sudo poweroff`"),
        ("nvmlInit_v2", 18, "module and library are of different versions", "`sudo reboot`"),
        ("nvmlDeviceGetCount_v2", 999, "unknown error", "`provision doctor`"),
    ],
)
def test_nvml_errors_are_explained(root: Path, nvml: Path, *, function: str, number: int, evidence: str, hint: str) -> None:
    found = run("nvml", "1", str(root), LD_LIBRARY_PATH=nvml, FAIL=f"{function}={number}")
    assert found[0] == 1
    assert f"{function}: {evidence}" in found[1]
    assert f"(NVML error {number})" in found[1]
    assert hint in found[2]


def test_no_nvml(root: Path) -> None:
    code, evidence, hint = run("nvml", "1", str(root))
    assert (code, "(NVML error 12)" in evidence, hint) == (1, True, "`provision apply nvidia` installs it")


@compiled
def test_a_gpu_that_shares_the_machines_memory(root: Path, nvml: Path) -> None:
    found = run("nvml", "1", str(root), LD_LIBRARY_PATH=nvml, FAIL="nvmlDeviceGetMemoryInfo=3")
    assert found == (0, "driver 595.84 shows 1 of 1: NVIDIA GeForce RTX 2070 SUPER", "")


@compiled
@pytest.mark.parametrize(
    ("mode", "fail", "code", "evidence"),
    [
        (1, "", 0, "persistence mode on for 2 of 2, nvidia-persistenced active"),
        (0, "", 1, "persistence mode on for 0 of 2, nvidia-persistenced active"),
        (1, "nvmlInit_v2=9", 1, "nvmlInit_v2: NVML error 9; nvidia-persistenced active"),
    ],
)
def test_persistence(tmp_path: Path, root: Path, nvml: Path, *, mode: int, fail: str, code: int, evidence: str) -> None:
    path = f"{tool(tmp_path / 'bin', 'systemctl', 'echo active')}:/usr/bin:/bin"
    found = run("persistence", str(root), PATH=path, LD_LIBRARY_PATH=nvml, GPUS=2, MODE=mode, FAIL=fail)
    assert (found[0], found[1], bool(found[2])) == (code, evidence, bool(code))


# nvcc

SAYS = """case "$1" in --version) echo 'Cuda compilation tools, release 12.8, V12.8.93'; exit 0;; esac"""
OUT = "for word; do case $before in -o) out=$word;; esac; before=$word; done"


def toolkit(folder: Path, text: str) -> str:
    """Return a toolkit whose nvcc does `text`, with the place to write in `$out`."""
    folder.mkdir(exist_ok=True)
    tool(folder / "bin", "nvcc", f"{SAYS}\n{OUT}\n{text}")
    return str(folder)


def test_nvcc_compiles(tmp_path: Path) -> None:
    at = toolkit(tmp_path, f'echo "$@" >{tmp_path}/argv; echo "$NVCC_CCBIN" >>{tmp_path}/argv; echo program >"$out"')
    found = run("nvcc", at, "7.5", "12.0", NVCC_CCBIN="g++-13", HOME=tmp_path)
    assert found == (0, "nvcc 12.8 with g++-13 compiled for sm_75, sm_120", "")
    said = (tmp_path / "argv").read_text()
    assert "-gencode=arch=compute_75,code=sm_75 -gencode=arch=compute_120,code=sm_120" in said
    assert said.endswith("g++-13\n")


def test_nvcc_compiles_as_a_login_shell_does(tmp_path: Path) -> None:
    at = toolkit(tmp_path, 'echo program >"$out"')
    (tmp_path / ".bash_profile").write_text(f"echo a greeting\nexport NVCC_CCBIN=g++-12 PATH={at}/bin:$PATH\n")
    assert run("nvcc", "-", "8.9", HOME=tmp_path)[:2] == (0, "nvcc 12.8 with g++-12 compiled for sm_89")


@pytest.mark.parametrize(
    ("does", "evidence", "hint"),
    [
        (
            "echo 'host_config.h:143:2: error: #error -- unsupported GNU version! gcc versions later than 14…' >&2; exit 1",
            "unsupported GNU version",
            "`provision apply cuda` selects a host compiler",
        ),
        ("echo \"nvcc fatal   : Unsupported gpu architecture 'compute_120'\" >&2; exit 1", "compute_120", "`provision explain`"),
        ("echo noise; echo 'fatal error: cuda_fp16.h: No such file or directory' >&2; exit 1", "cuda_fp16.h", "installs what is"),
        ("exit 0", "exit code 0", "installs what is missing"),
        ("exit 7", "exit code 7", "installs what is missing"),
    ],
    ids=["gcc too new", "card too new", "header missing", "nothing made", "nothing said"],
)
def test_nvcc_that_fails(tmp_path: Path, does: str, evidence: str, hint: str) -> None:
    found = run("nvcc", toolkit(tmp_path, does), "12.0", HOME=tmp_path)
    assert found[0] == 1
    assert evidence in found[1]
    assert hint in found[2]


@pytest.mark.parametrize("script", ["nvcc", "gpu_computes"])
def test_no_nvcc(tmp_path: Path, root: Path, script: str) -> None:
    found = run(script, str(tmp_path), "7.5", HOME=tmp_path, CHECK_ROOT=root)
    assert found == (1, f"no nvcc in {tmp_path}/bin", "`provision apply cuda`")


# gpu_computes

GPU = f"""#!{sys.executable}
# What a GPU would answer, in single precision; SPOILS names a kernel whose last number is wrong.
import array, os, sys
if len(sys.argv) == 1:
    print(os.environ.get("GPUS", "1"))
    sys.exit()
numbers = array.array("f")
numbers.frombytes(sys.stdin.buffer.read())
one, other = numbers[:4096], numbers[4096:]
saxpy = [2.5 * a + b for a, b in zip(one, other)]
product = [sum(one[64 * i + k] * other[64 * k + j] for k in range(64)) for i in range(64) for j in range(64)]
kernels = dict(saxpy=saxpy, fp32=product, fp16=list(product))
if os.environ.get("SPOILS"):
    values, number = kernels[os.environ["SPOILS"]], os.environ["TO"]
    values[-1] = float(number) + (values[-1] if number.startswith("+") else 0)
sys.stdout.buffer.write(b"NVIDIA GeForce RTX 2070 SUPER, 7.5\\n")
for values in kernels.values():
    sys.stdout.buffer.write(array.array("f", values).tobytes())
"""


@pytest.fixture
def made(tmp_path: Path) -> str:
    """A toolkit whose nvcc makes the program above of whatever it compiles."""
    (tmp_path / "gpu").write_text(GPU)
    return toolkit(tmp_path, f'cp {tmp_path}/gpu "$out"; chmod +x "$out"')


def test_a_gpu_that_computes_right(tmp_path: Path, root: Path, made: str) -> None:
    code, evidence, hint = run("gpu_computes", made, "7.5", HOME=tmp_path, CHECK_ROOT=root, GPUS=2)
    assert (code, hint) == (0, "")
    assert evidence.startswith("largest errors against the CPU's float64: NVIDIA GeForce RTX 2070 SUPER, 7.5: saxpy 0, fp32 ")
    assert evidence.count("RTX 2070 SUPER") == 2


@pytest.mark.parametrize(
    ("kernel", "number", "code"),
    [("saxpy", "9", 1), ("fp32", "nan", 1), ("fp16", "inf", 1), ("fp32", "+0.01", 1), ("fp16", "+0.01", 0), ("fp16", "+0.1", 1)],
)
def test_one_wrong_number_is_found(tmp_path: Path, root: Path, made: str, *, kernel: str, number: str, code: int) -> None:
    found = run("gpu_computes", made, "7.5", HOME=tmp_path, CHECK_ROOT=root, SPOILS=kernel, TO=number)
    assert (found[0], "computes wrong" in found[2]) == (code, bool(code)), found


@pytest.mark.parametrize(
    ("does", "evidence", "hint"),
    [
        ("echo 0", "CUDA shows no GPU", "`provision doctor`"),
        ("echo 'counting the GPUs: CUDA driver version is insufficient (CUDA error 35)' >&2; exit 1", "(CUDA error 35)", "older"),
        ("echo 'starting the kernel: no kernel image (CUDA error 209)' >&2; exit 1", "(CUDA error 209)", "no code for this card"),
        ('[ -z "$1" ] && echo 1 || echo name', "sent 0 numbers, expected 12288", ""),
        ("kill -9 $$", "the program ended with -9", "`provision doctor`"),
    ],
    ids=["no GPU", "old driver", "no image", "silent", "killed"],
)
def test_a_gpu_that_does_not_compute(tmp_path: Path, root: Path, does: str, evidence: str, hint: str) -> None:
    (tmp_path / "gpu").write_text(f"#!/bin/sh\n{does}\n")
    at = toolkit(tmp_path, f'cp {tmp_path}/gpu "$out"; chmod +x "$out"')
    found = run("gpu_computes", at, "7.5", HOME=tmp_path, CHECK_ROOT=root)
    assert found[0] == 1
    assert evidence in found[1]
    assert hint in found[2]


def test_without_a_gpu_nothing_is_computed(tmp_path: Path, bare: Path, made: str) -> None:
    found = run("gpu_computes", made, "7.5", HOME=tmp_path, CHECK_ROOT=bare)
    assert found[:2] == (SKIPPED, "no NVIDIA GPU on the bus: nothing was computed")
