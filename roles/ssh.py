"""OpenSSH: the server runs, and the machine's user may log in with the keys of the profile."""

from __future__ import annotations

from collections.abc import Iterator

from provision.catalog.role import role
from provision.catalog.templates import template
from provision.checks.model import Check, Probe
from provision.facts.model import Facts
from provision.profile.model import Profile
from provision.resources import AuthorizedKeys, Packages, Resource, Service


def _unit(facts: Facts) -> str:
    """Return what listens: since Ubuntu 22.10 a socket does, and starts the server at the first connection."""
    major, _, minor = facts.system.version.partition(".")
    if facts.system.id == "ubuntu" and (int(major or 0), int(minor or 0)) >= (22, 10):
        return "ssh.socket"
    return "ssh.service"


@role(after=("base",))
def ssh(profile: Profile, facts: Facts) -> Iterator[Resource | Check]:
    """Yield the server, the keys and the proof that it answers."""
    yield Packages(names=("openssh-server",), recommends=False)
    if facts.systemd:
        yield Service(unit=_unit(facts))
    if profile.ssh.authorized_keys:
        yield AuthorizedKeys(user=profile.machine.user or facts.login, keys=profile.ssh.authorized_keys)

    # First the banner: where a socket listens, `sshd -t` lacks its directory until the server was started once.
    yield Check(
        name="server answers",
        proves="a connection to each of its addresses on this machine is greeted by SSH 2",
        probe=Probe(argv=("/usr/bin/python3", "-"), stdin=template("checks/sshd.py"), timeout=60),
        hint=f"`systemctl status {_unit(facts)}` says why",
    )
    yield Check(
        name="configuration is sound",
        proves="sshd itself accepts its configuration and keys",
        probe=Probe(argv=("/usr/bin/python3", "-"), stdin=template("checks/sshd_config.py"), timeout=30),
        hint="`sudo sshd -t` names the line",
    )
