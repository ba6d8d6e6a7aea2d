"""Whether the NVIDIA driver answers through NVML and shows all GPUs: `- COUNT [ROOT]`, COUNT the least that it must show."""

import ctypes
import json
import pathlib
import sys

SKIPPED = 77
EXPLAINED = {
    4: ("this user may not use the GPU", "`ls -l /dev/nvidia*` and `id`: the device files are for another group"),
    9: ("the driver is not loaded", "`sudo modprobe nvidia`, or `provision doctor` says why it does not load"),
    12: ("libnvidia-ml.so.1 is not installed", "`provision apply nvidia` installs it"),
    15: ("the GPU is lost: it fell off the bus", "`sudo poweroff`, then check its power cables, seat and cooling"),
    18: ("module and library are of different versions", "`sudo reboot`: the driver was upgraded under the one that runs"),
}
"""Of NVML's error codes (nvmlReturn_t) those that have a known way out."""


class Memory(ctypes.Structure):
    """What nvmlDeviceGetMemoryInfo fills in, in bytes."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def verdict(evidence, *, code=0, hint=""):
    print(json.dumps({"evidence": evidence, "hint": hint} if hint else {"evidence": evidence}))
    sys.exit(code)


def on_the_bus(root):
    """Return how many GPUs of NVIDIA's there are."""
    devices = root.glob("sys/bus/pci/devices/*")
    files = [((each / "vendor").read_text().strip(), (each / "class").read_text()) for each in devices]
    return sum(1 for vendor, kind in files if vendor == "0x10de" and kind.startswith("0x03"))


def load():
    try:
        return ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return explain(12, "loading libnvidia-ml.so.1")


def call(nvml, name, *arguments):
    """Call a function; end the check with an explanation where NVML answers with an error."""
    code = getattr(nvml, name)(*arguments)
    if code:
        explain(code, name, nvml)


def text(nvml, name, *arguments):
    buffer = ctypes.create_string_buffer(96)
    call(nvml, name, *arguments, buffer, ctypes.c_uint(len(buffer)))
    return buffer.value.decode(errors="replace")


def memory(nvml, device):
    """Return ` 8.0 GiB`, or nothing for a GPU that shares the machine's memory."""
    found = Memory()
    code = nvml.nvmlDeviceGetMemoryInfo(device, ctypes.byref(found))
    return "" if code else f" {found.total / 2**30:.1f} GiB"


def explain(code, name, nvml=None):
    if code in EXPLAINED:
        cause, hint = EXPLAINED[code]
    else:
        nvml.nvmlErrorString.restype = ctypes.c_char_p
        said = nvml.nvmlErrorString(code)
        cause, hint = said.decode(errors="replace").lower() if said else "an unknown error", "`provision doctor`"
    verdict(f"{name}: {cause} (NVML error {code})", code=1, hint=hint)


def main():
    wanted = int(sys.argv[1])
    there = on_the_bus(pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "/"))
    if not there:
        verdict("no NVIDIA GPU on the bus", code=SKIPPED)
    nvml = load()
    call(nvml, "nvmlInit_v2")
    driver, count, names = text(nvml, "nvmlSystemGetDriverVersion"), ctypes.c_uint(), []
    call(nvml, "nvmlDeviceGetCount_v2", ctypes.byref(count))
    for index in range(count.value):
        device = ctypes.c_void_p()
        call(nvml, "nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(device))
        names.append(text(nvml, "nvmlDeviceGetName", device) + memory(nvml, device))
    call(nvml, "nvmlShutdown")
    said = f"driver {driver} shows {count.value} of {max(wanted, there)}: {', '.join(names) or 'none'}"
    if count.value < max(wanted, 1):
        verdict(said, code=1, hint="`provision doctor` says what keeps the driver from a card")
    verdict(said)


main()
