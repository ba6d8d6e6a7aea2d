"""What roles that bring a Python environment have in common: uv, and where it fetches from."""

from __future__ import annotations

from collections.abc import Iterator

from provision import knowledge
from provision.facts.model import Facts
from provision.resources.packages import Packages
from provision.resources.uv import Uv

_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
"""The machine's own trust store: uv's built-in one does not know a lab's proxy."""


def uv(facts: Facts) -> Uv:
    """Return the uv for the machine of `facts`."""
    release = knowledge.uv()
    return Uv(version=release.version, hashes=release.hashes(facts.system.architecture), settings=pip_settings(facts))


def pip_settings(facts: Facts) -> tuple[tuple[str, str], ...]:
    """Return the environment in which a pip of our own fetches from where the machine's does."""
    pip = facts.pip
    settings = {
        "PIP_INDEX_URL": pip.index_url,
        "PIP_EXTRA_INDEX_URL": " ".join(pip.extra_index_urls),
        "PIP_FIND_LINKS": " ".join(pip.find_links),
        "PIP_CERT": pip.certificates,
    }
    return _set(settings)


def uv_settings(facts: Facts) -> tuple[tuple[str, str], ...]:
    """Return the environment in which uv fetches from where pip does on this machine."""
    pip = facts.pip
    settings = {
        "SSL_CERT_FILE": pip.certificates or _CERTIFICATES,
        "UV_DEFAULT_INDEX": pip.index_url,
        "UV_FIND_LINKS": ",".join(pip.find_links),
        "UV_INDEX": " ".join(pip.extra_index_urls),
    }
    return _set(settings)


def _set(settings: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in settings.items() if value)


def bring_uv(facts: Facts) -> Iterator[Packages | Uv]:
    """Yield uv and what it needs."""
    yield Packages(names=("ca-certificates", "python3-venv"), recommends=False)
    yield uv(facts)
