"""Small packages, and signed apt repositories of them, made without a network."""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, kw_only=True)
class Deb:
    """A package; `relations` are lines of its control file, such as `Depends: …`; a script starts with `#!`."""

    name: str
    version: str
    relations: Sequence[str] = ()
    files: Mapping[str, bytes | str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)

    @property
    def control(self) -> str:
        """The text of its control file."""
        own = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": "amd64",
            "Maintainer": "Sample <sample@test>",
            "Multi-Arch": "foreign",
            "Description": "small",
        }
        return "".join(f"{line}\n" for line in (*(f"{key}: {value}" for key, value in own.items()), *self.relations))

    def packed(self) -> bytes:
        """Return the .deb."""
        control = _tar({"control": self.control, **self.scripts}, {})
        data = _tar(self.files, self.links)
        members = {"debian-binary": b"2.0\n", "control.tar.gz": control, "data.tar.gz": data}
        return b"!<arch>\n" + b"".join(_member(name, content) for name, content in members.items())


class Key:
    """A throwaway OpenPGP key that signs repositories."""

    def __init__(self, home: Path, owner: str) -> None:
        home.mkdir(mode=0o700)
        self._home = home
        self._gpg("--quick-gen-key", f"{owner} <sample@test>", "ed25519", "sign", "never")
        self.public = self._gpg("--armor", "--export")
        lines = self._gpg("--with-colons", "--list-keys").splitlines()
        self.fingerprint = next(line.split(":")[9] for line in lines if line.startswith("fpr:"))

    def clearsign(self, source: Path, target: Path) -> None:
        """Write `source` with our signature around it to `target`."""
        self._gpg("--clearsign", "--output", str(target), str(source))
        subprocess.run(["gpgconf", "--homedir", self._home, "--kill", "all"], check=False)

    def _gpg(self, *words: str) -> str:
        argv = ["gpg", "--homedir", str(self._home), "--batch", "--yes", "--quiet"]
        argv += ["--passphrase", "", "--pinentry-mode", "loopback"]
        return subprocess.run([*argv, *words], check=True, capture_output=True, text=True).stdout


def flat(folder: Path, debs: Sequence[Deb], key: Key, **head: str) -> None:
    """Publish `debs` as NVIDIA does: all in one folder, without suites; `head` are fields of its Release file."""
    folder.mkdir(parents=True)
    (folder / "Packages").write_text(_index(debs, folder, "."))
    _release(folder, ["Packages"], key, head)


def suite(folder: Path, debs: Sequence[Deb], key: Key, *, codename: str, component: str, **head: str) -> None:
    """Publish `debs` as a distribution does: below `dists/CODENAME/COMPONENT`."""
    name = f"{component}/binary-amd64/Packages"
    dist = folder / "dists" / codename
    (dist / name).parent.mkdir(parents=True)
    (dist / name).write_text(_index(debs, folder, f"pool/{component}"))
    more = {"Suite": codename, "Codename": codename, "Components": component, "Architectures": "amd64"}
    _release(dist, [name], key, {**head, **more})


def _index(debs: Sequence[Deb], folder: Path, below: str) -> str:
    stanzas = []
    (folder / below).mkdir(parents=True, exist_ok=True)
    for deb in debs:
        packed = deb.packed()
        path = f"{below}/{deb.name}_{deb.version}_amd64.deb"
        (folder / path).write_bytes(packed)
        digest = hashlib.sha256(packed).hexdigest()
        stanzas.append(f"{deb.control}Filename: {path}\nSize: {len(packed)}\nSHA256: {digest}\n")
    return "\n".join(stanzas)


def _release(folder: Path, names: Sequence[str], key: Key, head: Mapping[str, str]) -> None:
    date = subprocess.run(["date", "-Ru"], check=True, capture_output=True, text=True).stdout.strip()
    lines = [f"{name}: {value}" for name, value in {**head, "Date": date}.items()]
    sums = [
        f" {hashlib.sha256(content).hexdigest()} {len(content)} {name}" for name in names for content in [_bytes(folder, name)]
    ]
    (folder / "Release").write_text("\n".join([*lines, "SHA256:", *sums, ""]))
    key.clearsign(folder / "Release", folder / "InRelease")


def _bytes(folder: Path, name: str) -> bytes:
    return (folder / name).read_bytes()


def _tar(files: Mapping[str, bytes | str], links: Mapping[str, str]) -> bytes:
    """Return a tar of `files` (path below `/` to content) and `links`, with the folders above them, all root's."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        folders = {str(parent) for path in (*files, *links) for parent in PurePosixPath(path.lstrip("/")).parents}
        for folder in sorted(folders - {"."}):
            member = tarfile.TarInfo(f"./{folder}")
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(member)
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(f"./{path.lstrip('/')}")
            member.size, member.mode = len(data), 0o755 if data.startswith(b"#!") else 0o644
            tar.addfile(member, io.BytesIO(data))
        for path, target in links.items():
            member = tarfile.TarInfo(f"./{path.lstrip('/')}")
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return gzip.compress(packed.getvalue(), 1)


def _member(name: str, content: bytes) -> bytes:
    """Return a member of an ar archive."""
    header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
    return header + content + b"\n" * (len(content) % 2)
