"""The NVIDIA kernel module: on disk for the kernel that boots next, and loaded in this one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent.facts import dkms, grub, kernel_modules, modprobe
from provision.agent.files import Files
from provision.agent.host import Reader
from provision.errors import UnreadableError

FREE = ("nouveau", "nova_core")
"""The kernel's own drivers for NVIDIA GPUs, as they are named under `/sys/module`."""
_LISTS = ("/sys/firmware/efi/efivars", "/sys/firmware/efi/mok-variables")
_TRUSTED, _ASKED_FOR = ("MokListRT", "db-"), "MokNew"
_CERTIFICATES = ("/var/lib/shim-signed/mok/MOK.der", "/var/lib/dkms/mok.pub")
"""Of the key that DKMS signs with: on Ubuntu, elsewhere."""
_LINES, _ERRORS, _LONGEST = 12, 8, 240
"""Of a build's log that is shown: lines, how many of them for errors, and characters a line."""
_WRONG = re.compile(r"\berror:|\*\*\* ")
_NOT_FOUND = 127


@dataclass(frozen=True, kw_only=True)
class Module:
    """A module's file and what it says of itself; `key` is the hexadecimal id of the key that signed it."""

    path: str
    version: str
    flavour: str
    """`open` or `proprietary`, by its licence; empty where that does not say."""
    kernel: str
    """The release it was built for."""
    signer: str = ""
    key: str = ""
    ctime_ns: int = 0

    @property
    def branch(self) -> int:
        """The driver's branch (580), 0 where the version is no number."""
        first = self.version.partition(".")[0]
        return int(first) if first.isdecimal() else 0

    @property
    def distributed(self) -> bool:
        """Whether it came built, within the kernel's own modules; DKMS puts its own elsewhere."""
        return self.path.split("/")[4] == "kernel"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A driver that is registered with DKMS; `log` lies where a build that failed wrote it, and `said` is what tells why."""

    name: str
    version: str
    log: str = ""
    said: tuple[str, ...] = ()


def next_kernel(host: Reader) -> str:
    """Return the release that boots next, empty where no kernel is installed, as in a container."""
    return grub.next_kernel(Files(host))


def loaded(name: str, host: Reader) -> str | None:
    """Return the version of a loaded module, empty where it does not say, `None` when it is not loaded."""
    if host.lstat(f"/sys/module/{name}") is None:
        return None
    return Files(host).line(f"/sys/module/{name}/version")


def module(release: str, host: Reader) -> Module | None:
    """Return the module that `modprobe nvidia` takes under the kernel `release`; `None` when there is none."""
    files = Files(host)
    base = f"/lib/modules/{release}"
    listed = (line.partition(":")[0] for line in files.text(f"{base}/modules.dep").split("\n"))
    paths = {name.partition(".")[0]: path for path in listed if kernel_modules.is_driver(name := path.rpartition("/")[2])}
    chosen = _chosen(files) or ("nvidia" if "nvidia" in paths else min(paths, default=""))
    return _described(f"{base}/{paths[chosen]}", host) if chosen in paths else None


def _chosen(files: Files) -> str:
    """Return what modprobe's configuration loads as `nvidia`, as Debian's does; empty where it says nothing."""
    for line in modprobe.lines(files):
        words = line.split()
        if words[:2] == ["install", "nvidia"]:
            return next((word for word in words[2:] if kernel_modules.is_driver(f"{word}.ko")), "")
    return ""


def _described(path: str, host: Reader) -> Module | None:
    stat = host.lstat(path)
    if stat is None:
        return None
    answer = host.query(["modinfo", path])
    if answer.code:
        hint = "`sudo apt-get install kmod`" if answer.code == _NOT_FOUND else f"`modinfo {path}`"
        raise UnreadableError(f"`{path}` does not say what it is", hint=hint, evidence=answer.stderr.strip())
    fields: dict[str, str] = {}
    for line in answer.stdout.split("\n"):
        name, _, value = line.partition(":")
        fields.setdefault(name, value.strip())
    licence = fields.get("license", "")
    return Module(
        path=path,
        version=fields.get("version", ""),
        flavour="proprietary" if licence == "NVIDIA" else "open" if "GPL" in licence else "",
        kernel=fields.get("vermagic", "").partition(" ")[0],
        signer=fields.get("signer", ""),
        key=fields.get("sig_key", "").replace(":", "").lower(),
        ctime_ns=stat.ctime_ns,
    )


def headers(release: str, host: Reader) -> bool:
    """Return whether modules can be built for the kernel `release`."""
    return host.lstat(f"/lib/modules/{release}/build/Makefile") is not None


def sources(release: str, host: Reader) -> Iterator[Source]:
    """Yield the drivers that DKMS knows, with what a build for `release` that failed said last."""
    files = Files(host)
    builds = dkms.builds(files)
    failed = {(build.name, build.version) for build in builds if (build.kernel, build.state) == (release, "failed")}
    for name, version in dict.fromkeys((build.name, build.version) for build in builds):
        path = f"{dkms.FOLDER}/{name}/{version}/build/make.log"
        said = files.text(path) if (name, version) in failed else ""
        lines = [line[:_LONGEST] for line in said.split("\n") if line.strip()]
        yield Source(name=name, version=version, log=path if lines else "", said=_telling(lines))


def _telling(lines: list[str]) -> tuple[str, ...]:
    """Return the first errors of a log and its end: jobs that run beside the one that fails still write after it."""
    wrong = [index for index, line in enumerate(lines) if _WRONG.search(line)][:_ERRORS]
    last = range(max(0, len(lines) - (_LINES - len(wrong))), len(lines))
    return tuple(lines[index] for index in sorted({*wrong, *last}))


def certificate(host: Reader) -> str:
    """Return where the certificate lies that a person would enrol, empty where there is none."""
    configured = Files(host).setting("/etc/dkms/framework.conf", "mok_certificate")
    paths = (configured, *_CERTIFICATES)
    return next((path for path in paths if path.startswith("/") and host.lstat(path) is not None), "")


def enrolled(key: str, host: Reader) -> str:
    """Return `yes`, `at boot` (asked for: a person confirms it when the machine boots) or `no`; empty where no UEFI is."""
    files = Files(host)
    names = [f"{folder}/{name}" for folder in _LISTS for name in files.names(folder)]
    if not names:
        return ""
    # A certificate holds its serial number, by which a signature names it, as these very bytes.
    number = bytes.fromhex(key) if re.fullmatch(r"(?:[0-9a-f]{2})+", key) else b""
    for word, lists in (("yes", _TRUSTED), ("at boot", (_ASKED_FOR,))):
        those = (path for path in names if path.rpartition("/")[2].startswith(lists))
        if number and any(number in files.bytes(path) for path in those):
            return word
    return "no"
