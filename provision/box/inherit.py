"""What a box inherits of this machine: apt's proxies and credentials, certificates, pip's and uv's settings."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from provision.box import pip_settings
from provision.box.command import run

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
PIP_BUNDLE = "/etc/ssl/provision-box-pip.pem"
CERTIFICATES = Path("/usr/local/share/ca-certificates")
KEYRINGS = (Path("/etc/apt/trusted.gpg.d"), Path("/etc/apt/keyrings"))
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

_APT_OPTIONS = re.compile(
    r"Acquire::(?:(?:http|https|ftp)::(?:.*::)?(?:Proxy|Verify-Peer|Verify-Host)\b|Check-Valid-Until|Check-Date|Retries|Languages)"
)
_LOOPBACK = re.compile(r"://((?:[^/@\s\"]*@)?)(?:127\.0\.0\.1|localhost|\[::1\])(?=[:/\"\s]|$)")


@dataclass(frozen=True, kw_only=True)
class Text:
    """A file put into the box."""

    path: str
    text: str = field(repr=False)
    mode: int = 0o644


@dataclass(frozen=True, kw_only=True)
class Inheritance:
    """Files put into a box, directories bound into it read-only, and whether it must reach this machine's loopback."""

    files: tuple[Text, ...] = ()
    directories: tuple[Path, ...] = ()
    host_loopback: bool = False


def apt_options() -> str:
    """Return the lines of apt's configuration here that decide how packages are reached."""
    lines = run(["apt-config", "dump"]).stdout.splitlines()
    return "".join(f"{line}\n" for line in lines if _APT_OPTIONS.match(line) and "Auto-Detect" not in line)


def certificates_digest() -> str:
    """Return a fingerprint of the extra CA certificates of this machine; empty where there are none."""
    found = sorted(CERTIFICATES.rglob("*.crt")) if CERTIFICATES.is_dir() else []
    if not found:
        return ""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in found)).hexdigest()


def inheritance(gateway: str) -> Inheritance:
    """Return what a box inherits; this machine's loopback addresses become `gateway`, which is this machine seen from the box."""
    settings = pip_settings.here()
    files = [Text(path="/etc/apt/apt.conf.d/90provision-box-host", text=apt_options()), *_proxies(), *_credentials(), *_uv()]
    cert = ""
    if settings.cert and settings.cert != BUNDLE and Path(settings.cert).is_file():
        cert = PIP_BUNDLE
        files.append(Text(path=PIP_BUNDLE, text=Path(settings.cert).read_text(encoding="utf-8", errors="replace")))
    # An index may carry credentials in its URL.
    files.append(Text(path="/etc/pip.conf", text=settings.conf(cert=cert), mode=0o644))
    reached = [Text(path=file.path, text=_LOOPBACK.sub(rf"://\g<1>{gateway}", file.text), mode=file.mode) for file in files]
    return Inheritance(
        files=tuple(file for file in reached if file.text),
        directories=settings.directories(),
        host_loopback=[file.text for file in reached] != [file.text for file in files],
    )


def _proxies() -> list[Text]:
    lines = [f"{name}={os.environ[name]}\n" for name in PROXIES if os.environ.get(name)]
    if not lines:
        return []
    apt = [
        f'Acquire::{scheme}::Proxy "{os.environ[name]}";\n'
        for scheme in ("http", "https")
        for name in (f"{scheme}_proxy",)
        if os.environ.get(name) and '"' not in os.environ[name]
    ]
    return [
        Text(path="/etc/environment", text="".join(lines)),
        Text(path="/etc/apt/apt.conf.d/91provision-box-proxy", text="".join(apt)),
    ]


def _credentials() -> list[Text]:
    paths = [Path("/etc/apt/auth.conf"), *sorted(Path("/etc/apt/auth.conf.d").glob("*"))]
    return [
        Text(path=str(path), text=path.read_text(encoding="utf-8", errors="replace"), mode=0o600)
        for path in paths
        if path.is_file() and os.access(path, os.R_OK)
    ]


def _uv() -> list[Text]:
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    for path in (config / "uv/uv.toml", Path("/etc/uv/uv.toml")):
        if path.is_file():
            return [Text(path="/etc/uv/uv.toml", text=path.read_text(encoding="utf-8", errors="replace"))]
    return []
