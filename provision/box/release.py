"""The distribution releases a box can be made of, and where their packages come from."""

from __future__ import annotations

import os
from dataclasses import dataclass

import distro

from provision.box.sources import Source, host_sources
from provision.errors import InputError, ProvisionError

CODENAMES = {
    "debian-12": "bookworm",
    "debian-13": "trixie",
    "ubuntu-22.04": "jammy",
    "ubuntu-24.04": "noble",
    "ubuntu-26.04": "resolute",
}
MIRROR_VARIABLE = "PROVISION_MIRROR"


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release such as `debian-12`, and its codename."""

    name: str
    codename: str

    @property
    def distribution(self) -> str:
        """`debian` or `ubuntu`."""
        return self.name.partition("-")[0]


def host_release() -> Release:
    """Return the release this machine runs; raises `ProvisionError` where a box cannot be made of it."""
    name, codename = f"{distro.id()}-{distro.version()}", distro.codename()
    if distro.id() not in {"debian", "ubuntu"} or not codename:
        raise ProvisionError(f"a box of `{name}` cannot be made", hint="name one with `--release debian-12`")
    return Release(name=name, codename=codename)


def release(name: str) -> Release:
    """Return the release called `name` (`host`: this machine's own); raises `InputError` for an unknown one."""
    if name == "host":
        return host_release()
    if name not in CODENAMES:
        raise InputError(f"unknown release `{name}`", hint=f"choose `host` or one of {', '.join(sorted(CODENAMES))}")
    return Release(name=name, codename=CODENAMES[name])


def sources(wanted: Release) -> tuple[Source, ...]:
    """Return where `wanted` is fetched from: `$PROVISION_MIRROR`, or this machine's own sources with the codename replaced."""
    mirror = os.environ.get(MIRROR_VARIABLE, "")
    if mirror:
        return _at_mirror(mirror, wanted)
    try:
        own = host_release()
    except ProvisionError:
        own = None
    if own is None or own.distribution != wanted.distribution:
        raise ProvisionError(
            f"this machine has no apt source for {wanted.name}",
            hint=f"name a mirror: `{MIRROR_VARIABLE}=URL` with the URL of a {wanted.distribution} archive",
        )
    found = translate(host_sources(), own.codename, wanted.codename)
    if not found:
        raise ProvisionError(
            f"no apt source of this machine carries `{own.codename}`", hint="look into `/etc/apt/sources.list.d`"
        )
    return found


def translate(available: tuple[Source, ...], codename: str, wanted: str) -> tuple[Source, ...]:
    """Return the sources among `available` that carry the release `codename` itself, for the release `wanted`."""
    suites = {f"{codename}{pocket}": f"{wanted}{pocket}" for pocket in ("", "-updates", "-security")}
    return tuple(
        Source(uri=source.uri, suite=suites[source.suite], components=source.components)
        for source in available
        if source.suite in suites
    )


def _at_mirror(mirror: str, wanted: Release) -> tuple[Source, ...]:
    if any(character.isspace() or not character.isprintable() for character in mirror) or "://" not in mirror:
        raise InputError(f"`{MIRROR_VARIABLE}` is not a URL")
    pockets: tuple[str, ...] = ("", "-updates", "-security")
    components = ("main", "universe")
    if wanted.distribution == "debian":
        pockets, components = ("", "-updates"), ("main", "non-free-firmware")
    return tuple(Source(uri=mirror, suite=f"{wanted.codename}{pocket}", components=components) for pocket in pockets)
