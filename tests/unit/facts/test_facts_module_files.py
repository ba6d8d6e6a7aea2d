"""What kernel module files say: made by hand, by gcc and openssl, damaged, and compared with modinfo."""

from __future__ import annotations

import contextlib
import lzma
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent.facts import module_file, pkcs7
from provision.agent.facts.module_file import ModuleFile
from provision.agent.facts.tree import Tree
from provision.agent.facts.xz import Xz
from tests.unit.facts import kernel_objects as made
from tests.unit.facts.kernel_objects import MARK, NVIDIA, OPEN, issued, module, signature
from tests.unit.facts.recorded import Link, record

COMMON_NAME, ORGANISATION = b"\x03", b"\x0a"
CANONICAL = made.pkcs7(issued((ORGANISATION, "Canonical Ltd."), (COMMON_NAME, "Canonical Ltd. Kernel Module Signing")))
KO = "/lib/modules/6.8.0-45-generic/updates/dkms/nvidia.ko"


def parse(data: bytes) -> ModuleFile:
    def at(offset: int, count: int) -> bytes:
        assert count <= 4 << 20
        return data[offset : offset + count]

    return module_file.parse(len(data), at)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("wide", [True, False])
def test_fields_of_every_elf(*, wide: bool, order: str) -> None:
    assert parse(module(OPEN, wide=wide, order=order)) == ModuleFile("580.95.05", "Dual MIT/GPL", "")


@pytest.mark.parametrize(
    ("behind", "signer"),
    [
        (signature(CANONICAL), "Canonical Ltd. Kernel Module Signing"),
        (signature(made.pkcs7(issued((ORGANISATION, "Me")))), "Me"),
        (signature(made.pkcs7(issued())), ""),
        (signature(made.pkcs7(made.der(0x80, b"\xab\xcd"))), "key abcd"),
        (signature(bytes(40), kind=1, signer=b"Old style", key=bytes(20)), "Old style"),
        (signature(b"garbage"), ""),
        (signature(b"\x30\x84\xff\xff\xff\xff"), ""),
        (signature(b"\x30\x80" + CANONICAL), ""),
        (signature(CANONICAL[:-1]), ""),
        (signature(CANONICAL, length=1 << 31), ""),
        (signature(b"", kind=1, signer=b"x" * 9, length=1 << 20), ""),
        (MARK, ""),
        (b"~Module signature", ""),
        (signature(CANONICAL) + b"\n", ""),
    ],
)
def test_signers(behind: bytes, signer: str) -> None:
    assert parse(module(NVIDIA) + behind) == ModuleFile("580.95.05", "NVIDIA", signer)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x7fELF",
        MARK,
        module(NVIDIA)[:63],
        module(NVIDIA)[:100],
        module(NVIDIA)[:-1],
        b"MZ" + module(NVIDIA)[2:],
        module(NVIDIA)[:40] + b"\xff" * 8 + module(NVIDIA)[48:],
        module(NVIDIA)[:58] + b"\xff" * 6 + module(NVIDIA)[64:],
        module(NVIDIA)[:60] + b"\xff" * 4 + module(NVIDIA)[64:],
    ],
)
def test_no_module(data: bytes) -> None:
    assert parse(data) == ModuleFile()


@given(noise=st.binary(max_size=300), at=st.integers(0, 700), signed=st.booleans())
def test_whatever_the_bytes_are(*, noise: bytes, at: int, signed: bool) -> None:
    data = bytearray(module(NVIDIA) + (signature(CANONICAL) if signed else b""))
    data[at : at + len(noise)] = noise
    assert isinstance(parse(bytes(data)), ModuleFile)
    assert isinstance(pkcs7.signer(noise), str)


@given(st.integers(0, len(CANONICAL)), st.binary(max_size=4))
def test_a_damaged_signature_names_nobody_else(at: int, noise: bytes) -> None:
    assert isinstance(pkcs7.signer(CANONICAL[:at] + noise + CANONICAL[at + len(noise) :]), str)
    assert pkcs7.signer(CANONICAL[: max(at - 1, 0)]) == ""


# Files


def test_plain_and_packed_files(tmp_path: Path) -> None:
    signed = module(NVIDIA, filler=os.urandom(200_000)) + signature(CANONICAL)
    whole = ModuleFile("580.95.05", "NVIDIA", "Canonical Ltd. Kernel Module Signing")
    packed = lzma.compress(signed, check=lzma.CHECK_CRC32)
    tree = record(tmp_path, {KO: signed, f"{KO}.xz": packed, f"{KO}.zst": b"\x28\xb5\x2f\xfd", "/link.ko": Link(KO[1:])})
    assert module_file.read(tree, KO) == module_file.read(tree, f"{KO}.xz") == module_file.read(tree, "/link.ko") == whole
    assert module_file.read(tree, f"{KO}.zst") == ModuleFile()


def test_what_is_no_file(tmp_path: Path) -> None:
    tree = record(
        tmp_path, {"/loop.ko": Link("loop.ko"), "/dir.ko/x": "", "/empty.ko": b"", "/empty.ko.xz": b"", "/bad.ko.xz": b"YZ" * 40}
    )
    os.mkfifo(tmp_path / "fifo.ko")
    names = ("/loop.ko", "/dir.ko", "/empty.ko", "/empty.ko.xz", "/bad.ko.xz", "/fifo.ko", "/absent.ko", "/a\0b.ko")
    assert {name: module_file.read(tree, name) for name in names} == dict.fromkeys(names, ModuleFile())


def test_a_file_larger_than_memory_costs_nothing(tmp_path: Path) -> None:
    with (tmp_path / "huge.ko").open("wb") as file:
        file.write(module(NVIDIA))
        file.truncate(1 << 40)
    assert module_file.read(Tree(str(tmp_path)), "/huge.ko") == ModuleFile("580.95.05", "NVIDIA", "")


def test_zstandard_is_left_to_modinfo() -> None:
    told = (
        "filename:       /lib/modules/6.8.0/updates/dkms/nvidia.ko.zst\nimport_ns:      DMA_BUF\nlicense:        Dual MIT/GPL\n"
        "version:        580.95.05\nalias:          pci:v000010DEd*sv*sd*bc03sc02i00*\nsig_id:         PKCS#7\n"
        "signer:         box Secure Boot Module Signature key\nsignature:      30:82:\n\t\tversion: no\n"
    )
    expected = ModuleFile("580.95.05", "Dual MIT/GPL", "box Secure Boot Module Signature key")
    assert module_file.from_modinfo(told) == expected


@given(st.text(max_size=200))
def test_whatever_modinfo_says(text: str) -> None:
    assert isinstance(module_file.from_modinfo(text), ModuleFile)


# .xz by blocks


def blocks(data: bytes, size: int) -> bytes:
    """Return `data` packed in blocks, as Debian's kernel build has it."""
    argv = ["xz", "--check=crc32", "--lzma2=preset=0,dict=64KiB", f"--block-size={size}", "--stdout"]
    return subprocess.run(argv, input=data, capture_output=True, check=True).stdout


@pytest.mark.skipif(not shutil.which("xz"), reason="xz is not here to make blocks")
def test_parts_without_the_rest() -> None:
    data = os.urandom(5_000) + bytes(100_000) + b"the end"
    packed = blocks(data, 10_000)
    asked: list[tuple[int, int]] = []

    def at(offset: int, count: int) -> bytes:
        asked.append((offset, count))
        return packed[offset : offset + count]

    file = Xz(len(packed), at)
    assert file.size == len(data)
    assert file.at(0, 64) == data[:64]
    assert file.at(len(data) - 7, 100) == b"the end"
    assert sum(count for _, count in asked) < len(packed)
    for offset, count in ((4_990, 30), (9_999, 2), (10_000, 1), (0, len(data)), (len(data), 9), (50_000, 0)):
        assert file.at(offset, count) == data[offset : offset + count]


def test_two_streams_are_not_read() -> None:
    packed = lzma.compress(b"one") + lzma.compress(b"two")
    with pytest.raises(ValueError, match="more than one stream"):
        Xz(len(packed), lambda offset, count: packed[offset : offset + count])


@given(st.integers(0, 120), st.binary(min_size=1, max_size=8))
def test_damaged_xz(at: int, noise: bytes) -> None:
    packed = bytearray(lzma.compress(b"kernel" * 100))
    packed[at : at + len(noise)] = noise
    with contextlib.suppress(ValueError):
        file = Xz(len(packed), lambda offset, count: bytes(packed[offset : offset + count]))
        assert len(file.at(0, 600)) <= 600


# The real tools


@pytest.fixture(scope="module")
def signed_by_hand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a module as the kernel's build does: gcc (where it is here), then what sign-file does, with openssl."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not here to sign a module")
    folder = tmp_path_factory.mktemp("built")
    fields = {"license": "Dual MIT/GPL", "version": "595.71.05"}
    section = '__attribute__((section(".modinfo"), used))'
    lines = (f'static const char {name}[] {section} = "{name}={value}";\n' for name, value in fields.items())
    (folder / "nvidia.c").write_text("".join(lines) + "int init_module(void) { return 0; }\n")
    (folder / "nvidia.ko").write_bytes(module(fields))
    certificate = [
        "req",
        "-new",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "9",
        "-subj",
        "/O=Me/CN=box Secure Boot key/",
    ]
    sign = ["cms", "-sign", "-binary", "-noattr", "-nocerts", "-outform", "DER", "-signer", "mok.pem", "-inkey", "mok.key"]
    for argv in (
        ["gcc" if shutil.which("gcc") else "true", "-c", "nvidia.c", "-o", "nvidia.ko"],
        ["openssl", *certificate, "-keyout", "mok.key", "-out", "mok.pem"],
        ["openssl", *sign, "-in", "nvidia.ko", "-out", "signature"],
    ):
        subprocess.run(argv, cwd=folder, check=True, capture_output=True)
    with (folder / "nvidia.ko").open("ab") as file:
        file.write(signature((folder / "signature").read_bytes()))
    return folder


def test_a_module_that_was_built_and_signed(signed_by_hand: Path) -> None:
    found = module_file.read(Tree(str(signed_by_hand)), "/nvidia.ko")
    assert found == ModuleFile("595.71.05", "Dual MIT/GPL", "box Secure Boot key")


@pytest.mark.skipif(not shutil.which("modinfo", path="/usr/sbin:/sbin:/usr/bin"), reason="modinfo (kmod) is not here to compare")
def test_modinfo_says_the_same(signed_by_hand: Path) -> None:
    for name, ending in (("nvidia.ko", ""), ("packed.ko.xz", ".xz")):
        path = signed_by_hand / name
        if ending:
            path.write_bytes(lzma.compress((signed_by_hand / "nvidia.ko").read_bytes(), check=lzma.CHECK_CRC32))
        told = subprocess.run(["/usr/sbin/modinfo", str(path)], check=True, capture_output=True, text=True).stdout
        assert module_file.from_modinfo(told) == module_file.read(Tree(str(signed_by_hand)), f"/{name}")
