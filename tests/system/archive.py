"""A small signed apt archive with a key of its own, made without a network."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

ASKS = {
    "templates": "Template: tiny-asks/colour\nType: string\nDefault: red\nDescription: Colour?\n It wants to know.\n",
    "config": "#!/bin/sh\n. /usr/share/debconf/confmodule\ndb_input critical tiny-asks/colour || true\ndb_go || true\n",
    "postinst": '#!/bin/sh\n. /usr/share/debconf/confmodule\ndb_get tiny-asks/colour\necho "$RET" > /etc/tiny-asks\n',
    "postrm": "#!/bin/sh\nrm -f /etc/tiny-asks\n",
}


class Archive:
    """A flat archive in `folder`: `tiny` (recommends `tiny-more`), `tiny-more`, `tiny-asks` (a debconf question)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._home = folder.with_name("gnupg")
        folder.mkdir()
        self._home.mkdir(mode=0o700)
        self._deb("tiny", "Recommends: tiny-more\n")
        self._deb("tiny-more")
        self._deb("tiny-asks", "Depends: debconf\n", ASKS)
        self._gpg("--quick-gen-key", "Sample <sample@test>", "ed25519", "sign", "never")
        self.key = self._gpg("--armor", "--export")
        lines = self._gpg("--with-colons", "--list-keys").splitlines()
        self.fingerprint = next(line.split(":")[9] for line in lines if line.startswith("fpr:"))
        self._sign()

    def sha256(self, name: str) -> str:
        """Return the SHA-256 of a file of the archive."""
        return hashlib.sha256((self.folder / name).read_bytes()).hexdigest()

    def _gpg(self, *words: str) -> str:
        argv = [
            "gpg",
            "--homedir",
            str(self._home),
            "--batch",
            "--yes",
            "--quiet",
            "--passphrase",
            "",
            "--pinentry-mode",
            "loopback",
        ]
        return subprocess.run([*argv, *words], check=True, capture_output=True, text=True).stdout

    def _deb(self, name: str, fields: str = "", scripts: dict[str, str] | None = None) -> None:
        tree = self.folder.with_name(name)
        control = (
            f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: Sample <sample@test>\n{fields}Description: small\n"
        )
        (tree / "DEBIAN").mkdir(parents=True)
        for file, text in {"control": control, **(scripts or {})}.items():
            path = tree / "DEBIAN" / file
            path.write_text(text)
            path.chmod(0o755 if text.startswith("#!") else 0o644)
        target = self.folder / f"{name}_1.0_all.deb"
        subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, target], check=True, capture_output=True)

    def _sign(self) -> None:
        packages = ""
        for path in sorted(self.folder.glob("*.deb")):
            control = subprocess.run(["dpkg-deb", "--field", path], check=True, capture_output=True, text=True).stdout
            packages += (
                f"{control.strip()}\nFilename: ./{path.name}\nSize: {path.stat().st_size}\nSHA256: {self.sha256(path.name)}\n\n"
            )
        (self.folder / "Packages").write_text(packages)
        size = (self.folder / "Packages").stat().st_size
        date = subprocess.run(["date", "-Ru"], check=True, capture_output=True, text=True).stdout.strip()
        head = f"Origin: Sample\nLabel: Sample\nSuite: sample\nDate: {date}\n"
        (self.folder / "Release").write_text(f"{head}SHA256:\n {self.sha256('Packages')} {size} Packages\n")
        self._gpg("--clearsign", "--output", str(self.folder / "InRelease"), str(self.folder / "Release"))
        subprocess.run(["gpgconf", "--homedir", self._home, "--kill", "all"], check=False)
