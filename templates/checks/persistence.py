"""Whether the NVIDIA driver stays loaded while nothing uses it: every GPU in persistence mode, asked through NVML: `- [ROOT]`."""

import ctypes
import json
import pathlib
import subprocess
import sys

SKIPPED = 77


def verdict(evidence, *, code=0, hint=""):
    print(json.dumps({"evidence": evidence, "hint": hint} if hint else {"evidence": evidence}))
    sys.exit(code)


def on_the_bus(root):
    """Return how many GPUs of NVIDIA's there are."""
    devices = root.glob("sys/bus/pci/devices/*")
    files = [((each / "vendor").read_text().strip(), (each / "class").read_text()) for each in devices]
    return sum(1 for vendor, kind in files if vendor == "0x10de" and kind.startswith("0x03"))


def modes():
    """Return whether each GPU is in persistence mode; raises `OSError` where NVML does not answer."""
    nvml = ctypes.CDLL("libnvidia-ml.so.1")

    def ask(name, *arguments):
        code = getattr(nvml, name)(*arguments)
        if code:
            raise OSError(f"{name}: NVML error {code}")

    ask("nvmlInit_v2")
    count, found = ctypes.c_uint(), []
    ask("nvmlDeviceGetCount_v2", ctypes.byref(count))
    for index in range(count.value):
        device, mode = ctypes.c_void_p(), ctypes.c_uint()
        ask("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(device))
        ask("nvmlDeviceGetPersistenceMode", device, ctypes.byref(mode))
        found.append(mode.value == 1)
    ask("nvmlShutdown")
    return found


def main():
    if not on_the_bus(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/")):
        verdict("no NVIDIA GPU on the bus", code=SKIPPED)
    argv = ["systemctl", "is-active", "nvidia-persistenced.service"]
    daemon = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip() or "not there"
    try:
        found = modes()
    except OSError as error:
        verdict(f"{error}; nvidia-persistenced {daemon}", code=1, hint="`provision doctor` says why the driver does not answer")
    said = f"persistence mode on for {sum(found)} of {len(found)}, nvidia-persistenced {daemon}"
    if found and all(found):
        verdict(said)
    verdict(said, code=1, hint="`sudo systemctl restart nvidia-persistenced`, or `provision apply nvidia`")


main()
