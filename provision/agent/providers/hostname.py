"""The machine's name: kept, running, and resolvable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent import textfile
from provision.agent.host import Reader
from provision.agent.provider import Pending
from provision.agent.steps import Run, Step
from provision.agent.textfile import TextFile
from provision.plan.model import Change, Diff, differs, same
from provision.resources.hostname import Hostname

_NEW_HOSTS = b"127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost ip6-loopback\n"


@dataclass(frozen=True, kw_only=True)
class Observed:
    """`/etc/hostname`, `/etc/hosts`, and what the kernel answers."""

    kept: TextFile
    hosts: TextFile
    running: str


def rewrite(hosts: bytes, name: str) -> bytes:
    """Return a hosts file in which 127.0.1.1 has `name`; all but that one line stays byte for byte."""
    if any(name.encode() in fields[1:] for fields in map(_fields, hosts.split(b"\n")) if fields[:1] == [b"127.0.1.1"]):
        return hosts
    short = name.partition(".")[0]
    line = f"127.0.1.1\t{name}" if short == name else f"127.0.1.1\t{name} {short}"
    return textfile.set_line(
        hosts,
        line.encode(),
        mine=lambda there: _fields(there)[:1] == [b"127.0.1.1"],
        after=lambda there: _fields(there)[:1] == [b"127.0.0.1"],
    )


def _fields(line: bytes) -> list[bytes]:
    return line.partition(b"#")[0].split()


class Hostnames:
    """Set without hostnamectl, so that it works before D-Bus does."""

    def observe(self, _want: Hostname, host: Reader) -> Observed:
        return Observed(
            kept=textfile.observe("/etc/hostname", host),
            hosts=textfile.observe("/etc/hosts", host),
            running=(host.read("/proc/sys/kernel/hostname") or b"").decode(errors="replace").strip(),
        )

    def diff(self, want: Hostname, have: Observed, _pending: Pending) -> Diff:
        changes = [
            Change(field=f"{path} {each.field}", before=each.before, after=each.after)
            for path, found in (("/etc/hostname", _kept(want, have)), ("/etc/hosts", _hosts(want, have)))
            for each in found
        ]
        if have.running != want.name:
            changes.insert(0, Change(field="hostname", before=have.running, after=want.name))
        if not changes:
            return same(f"the machine is called {want.name}")
        texts = (textfile.text(have.kept, _name(want)), textfile.text(have.hosts, _new_hosts(want, have)))
        return differs(*changes, text="\n".join(filter(None, texts)))

    def steps(self, want: Hostname, have: Observed) -> Iterator[Step]:
        # The name must resolve before it is in force, or every `sudo` waits for a name server in between.
        yield from textfile.steps(have.hosts, _new_hosts(want, have))
        yield from textfile.steps(have.kept, _name(want))
        if have.running != want.name:
            yield Run(argv=("hostname", want.name), says=f"naming the machine {want.name}", timeout=30)


def _name(want: Hostname) -> bytes:
    return f"{want.name}\n".encode()


def _new_hosts(want: Hostname, have: Observed) -> bytes:
    return rewrite(_NEW_HOSTS if have.hosts.content is None else have.hosts.content, want.name)


def _kept(want: Hostname, have: Observed) -> tuple[Change, ...]:
    return textfile.changes(have.kept, _name(want))


def _hosts(want: Hostname, have: Observed) -> tuple[Change, ...]:
    return textfile.changes(have.hosts, _new_hosts(want, have))


provider = Hostnames()
