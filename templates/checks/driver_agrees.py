"""Whether the NVIDIA driver is of one version: loaded, on disk for the running kernel, and in its library: `- [ROOT]`."""

import ctypes
import json
import os
import pathlib
import re
import subprocess
import sys

SKIPPED = 77
NAMES = ("nvidia", "nvidia-current", "nvidia-current-open")
"""What the module is called on disk: Debian's own packages have names of their own."""


def verdict(evidence, *, code=0, hint=""):
    print(json.dumps({"evidence": evidence, "hint": hint} if hint else {"evidence": evidence}))
    sys.exit(code)


def gpus(root):
    """Return the PCI slots of NVIDIA's GPUs."""
    for device in sorted(root.glob("sys/bus/pci/devices/*")):
        vendor, kind = ((device / name).read_text().strip() for name in ("vendor", "class"))
        if vendor == "0x10de" and kind.startswith("0x03"):
            yield device.name


def loaded(root):
    file = root / "sys/module/nvidia/version"
    return file.read_text().strip() if file.exists() else ""


def library():
    """Return the version of the library that a program gets: the file that the loader maps."""
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return ""
    found = re.search(r"libnvidia-ml\.so\.(\d+\.[\d.]+)", pathlib.Path("/proc/self/maps").read_text())
    return found.group(1) if found else "of unknown version"


def on_disk(kernel):
    for name in NAMES:
        argv = ["modinfo", "-k", kernel, "-F", "version", name]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip()
    return ""


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/")
    if not list(gpus(root)):
        verdict("no NVIDIA GPU on the bus", code=SKIPPED)
    kernel = os.uname().release
    module, lib, disk = loaded(root), library(), on_disk(kernel)
    said = f"loaded {module or 'none'}, library {lib or 'none'}, on disk for {kernel} {disk or 'none'}"
    if not module:
        verdict(said, code=1, hint="`sudo modprobe nvidia`, or `provision doctor` says why it does not load")
    if not lib:
        verdict(said, code=1, hint="`provision apply nvidia` installs the driver's library")
    if module == lib == disk:
        verdict(f"module = library = disk = {module}")
    if lib == disk:
        verdict(said, code=1, hint="`sudo reboot`: the driver was upgraded under the one that runs")
    verdict(said, code=1, hint="`provision apply nvidia` brings module and library to one version")


main()
