"""Kernels with their modules on a `FakeHost`, and the programs that look at and build them."""

from __future__ import annotations

from provision.agent.host import Output
from provision.agent.steps import Run
from tests.fake_host import FakeHost

OLD, NEW = "6.8.0-45-generic", "6.8.0-49-generic"
SERIAL = "4e5f00112233445566778899aabbccddeeff0102"
CERTIFICATE = b"\x30\x82\x02\x02" + bytes.fromhex(SERIAL) + b"CN=DKMS module signing key"


class Kernels:
    """The kernels of a machine. `build` says what `dkms install` brings about: a version, or nothing."""

    def __init__(self, host: FakeHost, *releases: str) -> None:
        self.host = host
        self.said: dict[str, str] = {}
        self.build = ""
        self.images = 0
        for release in releases or (OLD, NEW):
            host.put_file(f"/boot/vmlinuz-{release}")
            host.put_file(f"/boot/initrd.img-{release}", b"0")
            host.put_file(f"/lib/modules/{release}/modules.dep", b"kernel/fs/ext4/ext4.ko: kernel/lib/crc16.ko\n")
        host.put_file("/usr/sbin/update-initramfs", mode=0o755)
        host.answer(("modinfo",), self._modinfo)
        host.on(("dkms", "install", "--force"), self._dkms)
        host.on(("update-initramfs", "-u", "-k"), self._update)
        host.on(("dracut", "--force"), self._dracut)

    def headers(self, release: str = NEW) -> None:
        """Install a kernel's headers."""
        self.host.put_file(f"/usr/src/linux-headers-{release}/Makefile")
        self.host.put_link(f"/lib/modules/{release}/build", f"/usr/src/linux-headers-{release}")

    def module(
        self,
        release: str = NEW,
        *,
        name: str = "nvidia",
        version: str = "580.95.05",
        licence: str = "Dual MIT/GPL",
        signer: str = "",
        key: str = "",
        folder: str = "updates/dkms",
        built_for: str = "",
    ) -> str:
        """Install a module, and return its path."""
        at = f"{folder}/{name}.ko.zst"
        path = f"/lib/modules/{release}/{at}"
        self.host.put_file(path)
        listed = self.host.text(f"/lib/modules/{release}/modules.dep")
        helper = at.replace(name, f"{name}-uvm")
        self.host.put_file(f"/lib/modules/{release}/modules.dep", f"{listed}{helper}: {at}\n{at}:\n".encode())
        fields = {"filename": path, "version": version, "license": licence, "vermagic": f"{built_for or release} SMP preempt"}
        fields |= {"signer": signer} if signer else {}
        fields |= {"sig_key": ":".join(key[at : at + 2].upper() for at in range(0, len(key), 2))} if key else {}
        self.said[path] = (
            "".join(f"{field + ':':<16}{value}\n" for field, value in fields.items()) + "version:        not this one\n"
        )
        return path

    def source(self, name: str = "nvidia", version: str = "580.95.05") -> None:
        """Register a driver with DKMS."""
        self.host.put_link(f"/var/lib/dkms/{name}/{version}/source", f"/usr/src/{name}-{version}")

    def enrol(self, variable: str = "MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23") -> None:
        """Put the key that DKMS signs with into a variable of the firmware's."""
        self.host.put_file(f"/sys/firmware/efi/efivars/{variable}", b"\x06\0\0\0" + CERTIFICATE)

    def _modinfo(self, argv: tuple[str, ...]) -> Output:
        return Output(code=0, stdout=self.said[argv[1]], stderr="")

    def _dkms(self, step: Run, host: FakeHost) -> int:
        release = step.argv[-1]
        if self.build:
            self.module(release, version=self.build)
            return 0
        text = f"DKMS make.log for nvidia-580.95.05 for kernel {release} (x86_64)\nSun Nov 22\n"
        text += f"nvidia/nv.c:1:9: error: unknown type name 'no' {'x' * 4000}\n"
        text += "".join(f"line {number}\n" for number in range(30))
        host.put_file(
            "/var/lib/dkms/nvidia/580.95.05/build/make.log", f"{text}make: *** [Makefile:59: modules] Error 2\n\n".encode()
        )
        return 11

    def _update(self, step: Run, host: FakeHost) -> int:
        self.images += 1
        host.put_file(f"/boot/initrd.img-{step.argv[3]}", b"%d" % self.images)
        return 0

    def _dracut(self, step: Run, host: FakeHost) -> int:
        self.images += 1
        host.put_file(step.argv[2], b"%d" % self.images)
        return 0
