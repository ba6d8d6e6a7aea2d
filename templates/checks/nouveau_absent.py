"""Whether no free driver (nouveau, nova) is loaded or holds an NVIDIA GPU, and modprobe is told to leave nouveau: `- [ROOT]`."""

import json
import pathlib
import subprocess
import sys

SKIPPED = 77
FREE = ("nouveau", "nova_core", "nova_drm")
"""What the kernel calls their modules; the drivers on the bus are called alike, with other signs between the words."""


def verdict(evidence, *, code=0, hint=""):
    print(json.dumps({"evidence": evidence, "hint": hint} if hint else {"evidence": evidence}))
    sys.exit(code)


def gpus(root):
    """Return NVIDIA's GPUs by their PCI slots, with the driver that holds each."""
    for device in sorted(root.glob("sys/bus/pci/devices/*")):
        vendor, kind = ((device / name).read_text().strip() for name in ("vendor", "class"))
        if vendor == "0x10de" and kind.startswith("0x03"):
            driver = device / "driver"
            yield device.name, driver.readlink().name if driver.is_symlink() else "nothing"


def blocked():
    """Return whether modprobe's configuration, as modprobe itself reads it, keeps nouveau from being loaded."""
    done = subprocess.run(["modprobe", "--showconfig"], capture_output=True, text=True, check=True)
    return any(line.split()[:2] in (["blacklist", "nouveau"], ["install", "nouveau"]) for line in done.stdout.splitlines())


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/")
    held = dict(gpus(root))
    if not held:
        verdict("no NVIDIA GPU on the bus", code=SKIPPED)
    loaded = [name for name in FREE if (root / "sys/module" / name).is_dir()]
    drivers = ", ".join(f"{slot} driven by {driver}" for slot, driver in held.items())
    plain = {driver.lower().replace("-", "").replace("_", "") for driver in held.values()}
    if loaded or plain & {name.replace("_", "") for name in FREE}:
        hint = "`sudo update-initramfs -u -k all && sudo reboot`; `provision apply nvidia` blocks it"
        verdict(f"{', '.join(loaded) or 'a free driver'} loaded, {drivers}", code=1, hint=hint)
    if not blocked():
        verdict(f"nothing keeps nouveau from the next boot, {drivers}", code=1, hint="`provision apply nvidia` blocks it")
    verdict(f"neither nouveau nor nova is loaded, nouveau is blocked, {drivers}")


main()
