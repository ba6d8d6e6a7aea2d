"""One resource of every kind, such as a read-only look can be taken at on any machine."""

from __future__ import annotations

from pathlib import Path

from provision import resources as r
from tests.keys import ARCHIVE, ARCHIVE_FINGERPRINT
from tests.public_keys import ED25519

HASH = "0" * 64


def every_kind(folder: Path, user: str) -> tuple[r.Resource, ...]:
    """Return one valid resource of every kind; files lie below `folder`."""
    return (
        r.Alternative(name="cuda", link="/usr/local/cuda", path="/usr/local/cuda-13.2"),
        r.AptComponents(components=("contrib", "non-free")),
        r.AptPin(name="x", packages=("provision-test",), pin="release o=none", priority=100),
        r.AptSource(
            name="x", uris=("http://mirror.test/x",), suites=("stable",), components=("main",),
            key_text=ARCHIVE, fingerprint=ARCHIVE_FINGERPRINT,
        ),
        r.AuthorizedKeys(user=user, keys=(ED25519,)),
        r.Command(name="x", argv=("true",), creates=f"{folder}/made"),
        r.CondaEnvironment(
            name="y", path=f"{folder}/conda", owner=user, python="/usr/bin/python3", program="/opt/provision/conda-x.py",
            specs=("numpy",), channels=(("conda-forge", ""),),
        ),
        r.Directory(path=f"{folder}/directory"),
        r.Download(url="http://mirror.test/x", path=f"{folder}/download", sha256=HASH, size=1),
        r.DriverModule(flavour="open", branch=580, signed=True, headers=True),
        r.File(path=f"{folder}/file", content="new\n"),
        r.GeneratedSecret(path=f"{folder}/secret"),
        r.Group(name="provision-test"),
        r.Hostname(name="prometheus"),
        r.Initramfs(after=(f"{folder}/file",)),
        r.Line(path=f"{folder}/line", name="x", lines=("a = 1",), create=True),
        r.Link(path=f"{folder}/link", target="/etc"),
        r.Locale(name="C.UTF-8"),
        r.Packages(names=("dpkg",)),
        r.Rattler(version="0.1.0", hashes=(HASH,)),
        r.Reboot(name="x", because="it is so", after=(f"{folder}/file",), unless_loaded="nvidia"),
        r.Service(unit="provision-test.service"),
        r.Sysctl(name="kernel.panic", value="10"),
        r.Timezone(name="Europe/Paris"),
        r.Unit(name="provision-test.service", content="[Unit]\n"),
        r.User(name="provision-test"),
        r.Uv(version="0.1.0", hashes=(HASH,)),
        r.UvEnvironment(name="x", path=f"{folder}/env", program="/usr/bin/uv", requirements=("numpy",), owner=user),
    )  # fmt: skip
