"""A Debian box that says it is Ubuntu 24.04, with nothing but the little archives, a kernel and a boot menu."""

from __future__ import annotations

import re
from collections.abc import Sequence

from provision.box.box import Box
from tests.system.ubuntu_archive import Archives

PORT = 8099
ROOT = ("dkms", "initramfs-tools", "unattended-upgrades")
"""Of Debian's archive: what the little archives lean on."""
_OS_RELEASE = """PRETTY_NAME="Ubuntu 24.04.1 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION="24.04.1 LTS (Noble Numbat)"
VERSION_CODENAME=noble
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=noble
"""
_SOURCES = """Types: deb
URIs: http://127.0.0.1:{port}/ubuntu
Suites: {suites}
Components: restricted
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.asc
"""
_BECOME = f"""
cat > /etc/os-release
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*
systemd-run --unit=web --collect --quiet python3 -m http.server --bind 127.0.0.1 --directory /srv/archive {PORT}
"""
_INSTALL_KERNEL = """
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install grub2-common </dev/null
apt-get -qq install linux-generic </dev/null
"""
# As `cuda-keyring` does it, and as its guide tells people to.
KEYRING = f"""
mkdir -p /usr/share/keyrings
cat > /usr/share/keyrings/cuda-archive-keyring.asc
echo "deb [signed-by=/usr/share/keyrings/cuda-archive-keyring.asc] http://127.0.0.1:{PORT}/nvidia/ /" \
  > /etc/apt/sources.list.d/cuda-ubuntu2404-x86_64.list
printf 'Package: *\\nPin: release l=NVIDIA CUDA\\nPin-Priority: 600\\n' > /etc/apt/preferences.d/cuda-repository-pin-600
apt-get -qq update
"""
SECURE_BOOT = r"""
mount -o remount,rw /sys
mkdir -p /sys/firmware/efi/efivars
printf '\006\000\000\000\001' > /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
mount -o remount,ro /sys
"""


def become_ubuntu(box: Box, archives: Archives) -> None:
    """Turn a fresh box with the packages `ROOT` into the machine."""
    box.copy_to(archives.folder, "/srv/archive")
    box.succeed(_BECOME, stdin=_OS_RELEASE)
    box.wait_for_port(PORT)
    box.succeed("cat > /usr/share/keyrings/ubuntu-archive-keyring.asc", stdin=archives.ubuntu_key.public)
    suites(box, "noble")
    box.succeed(_INSTALL_KERNEL)


def suites(box: Box, *names: str) -> None:
    """Let apt take from these suites of the little archive."""
    text = _SOURCES.format(port=PORT, suites=" ".join(names))
    box.succeed("cat > /etc/apt/sources.list.d/ubuntu.sources; apt-get -qq update", stdin=text)


def installed(box: Box) -> dict[str, str]:
    """Return the version of each package of a driver that is installed, without the revision."""
    said = box.succeed(["dpkg-query", "-Wf", "${db:Status-Abbrev}\t${Package}\t${Version}\n"])
    rows = [line.split("\t") for line in said.splitlines() if line.startswith(("ii", "hi"))]
    return {name: version.partition("-0ubuntu")[0] for _, name, version in rows if "nvidia" in name or "cuda" in name}


def held(box: Box) -> set[str]:
    return set(box.succeed(["apt-mark", "showhold"]).split())


def modinfo(box: Box, release: str, field: str) -> str:
    return box.succeed(["modinfo", "-k", release, "-F", field, "nvidia"]).strip()


def simulated(box: Box, *words: str) -> Sequence[str]:
    """Return what apt would do with packages of a driver."""
    said = box.succeed(["apt-get", "--simulate", *words])
    return [line for line in said.splitlines() if re.match(r"(Inst|Remv) \S*(nvidia|cuda)", line)]


def unattended(box: Box) -> Sequence[str]:
    """Return the packages of a driver that the machine would upgrade by itself."""
    said = box.succeed(["unattended-upgrade", "--dry-run", "--verbose"])
    found = re.search(r"^Packages that will be upgraded: (.*)$", said, re.MULTILINE)
    return [name for name in (found[1].split() if found else []) if "nvidia" in name]
