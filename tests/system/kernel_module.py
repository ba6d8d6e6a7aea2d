"""Kernel modules that `modinfo` and `depmod` read, signed in the kernel's own format, and a library that has no driver."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

MAGIC = b"~Module signature appended~\n"
_PKCS7 = 2
"""The kernel's number for the kind of signature that follows the module."""
_MODINFO = ".data=.modinfo,alloc,load,readonly,data,contents"


def module(scratch: Path, name: str, *, version: str, license: str, release: str) -> bytes:  # noqa: A002 - the field's name
    """Return a module of kernel `release` with nothing in it but what it says of itself."""
    fields = {
        "version": version,
        "license": license,
        "name": name,
        "depends": "",
        "vermagic": f"{release} SMP preempt mod_unload modversions",
    }
    said, built = scratch / "modinfo", scratch / "module.ko"
    said.write_bytes(b"".join(f"{key}={value}".encode() + b"\0" for key, value in fields.items()))
    argv = ["objcopy", "--input-target=binary", "--output-target=elf64-x86-64", "--binary-architecture=i386:x86-64"]
    subprocess.run([*argv, f"--rename-section={_MODINFO}", said, built], check=True, capture_output=True)
    return built.read_bytes()


class Signer:
    """Signs modules with a throwaway key whose certificate names `owner`, as the kernel's `sign-file` does."""

    def __init__(self, scratch: Path, owner: str) -> None:
        self._scratch = scratch
        self._key, self._certificate = scratch / "signer.key", scratch / "signer.pem"
        argv = ["openssl", "req", "-x509", "-new", "-nodes", "-newkey", "rsa:2048", "-days", "2", "-subj", f"/CN={owner}"]
        subprocess.run([*argv, "-keyout", self._key, "-out", self._certificate], check=True, capture_output=True)

    def sign(self, built: bytes) -> bytes:
        """Return the module `built` with its signature appended."""
        content = self._scratch / "unsigned.ko"
        content.write_bytes(built)
        argv = ["openssl", "cms", "-sign", "-binary", "-nocerts", "-noattr", "-nosmimecap", "-md", "sha512", "-outform", "DER"]
        argv += ["-in", str(content), "-signer", str(self._certificate), "-inkey", str(self._key)]
        signature = subprocess.run(argv, check=True, capture_output=True).stdout
        return built + signature + struct.pack(">BBBBB3xI", 0, 0, _PKCS7, 0, 0, len(signature)) + MAGIC


def unsigned(signed: bytes) -> bytes:
    """Return a signed module without its signature."""
    assert signed.endswith(MAGIC)
    fixed = len(MAGIC) + 12
    (length,) = struct.unpack(">I", signed[-len(MAGIC) - 4 : -len(MAGIC)])
    return signed[: -fixed - length]


def library(scratch: Path, soname: str, *functions: str) -> bytes:
    """Return a shared library whose `functions` answer 9: NVML's word for a driver that is not loaded."""
    text = "".join(f".globl {name}\n.type {name}, @function\n{name}:\n mov $9, %eax\n ret\n" for name in functions)
    source, objects, built = scratch / "library.s", scratch / "library.o", scratch / "library.so"
    source.write_text(f'.text\n{text}.section .note.GNU-stack,"",@progbits\n')
    subprocess.run(["as", "--64", source, "-o", objects], check=True, capture_output=True)
    subprocess.run(["ld", "-shared", f"-soname={soname}", objects, "-o", built], check=True, capture_output=True)
    return built.read_bytes()
