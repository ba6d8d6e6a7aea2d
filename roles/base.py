"""Fresh package lists, essential packages, security updates that never reboot, and the machine's name, zone and locale."""

from __future__ import annotations

from collections.abc import Iterator

from provision.catalog.role import role
from provision.catalog.templates import template
from provision.checks.model import Check, Probe
from provision.facts.model import Facts
from provision.profile.model import Profile
from provision.resources import File, Hostname, Locale, Packages, Resource, Service, Timezone

# What a person who trains on a machine from afar misses first: a session that outlives the connection (tmux), the code
# (git), the data (curl, rsync), and who eats the processor (htop).
ESSENTIAL = ("ca-certificates", "curl", "git", "htop", "rsync", "tmux")


@role()
def base(profile: Profile, facts: Facts) -> Iterator[Resource | Check]:
    """Yield what every machine gets."""
    machine = profile.machine
    if machine.hostname:
        yield Hostname(name=machine.hostname)
    if machine.timezone:
        yield Timezone(name=machine.timezone)
    if machine.locale:
        yield Locale(name=machine.locale)

    upgrades = profile.base.unattended_upgrades
    yield Packages(names=(*ESSENTIAL, "unattended-upgrades") if upgrades else ESSENTIAL, recommends=False)
    asked = tuple(name for name in dict.fromkeys(profile.base.packages) if name not in ESSENTIAL)
    if asked:
        yield Packages(names=asked)

    # After 20auto-upgrades, which belongs to the package and its debconf question: what is read last holds.
    yield File(
        path="/etc/apt/apt.conf.d/52provision-unattended-upgrades",
        content=template(f"apt/52provision-{'' if upgrades else 'no-'}unattended-upgrades"),
        validate=("apt-config", "-c", "{}", "dump"),
    )
    if upgrades and facts.systemd:
        yield Service(unit="apt-daily.timer")
        yield Service(unit="apt-daily-upgrade.timer")

    yield Check(
        name="packages are sound",
        proves="dpkg finishes what it began, and every installed package has what it depends on",
        probe=Probe(argv=("/usr/bin/python3", "-"), stdin=template("checks/packages.py")),
        hint="`sudo dpkg --configure -a && sudo apt-get -f install`",
    )
    yield Check(
        name="security updates" if upgrades else "no unattended updates",
        proves="apt itself reads the policy that was asked for",
        probe=Probe(
            argv=("/usr/bin/python3", "-", "on" if upgrades else "off"), stdin=template("checks/upgrades.py"), timeout=30
        ),
        hint="`provision apply base`",
    )
