"""The host name, in its three places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent.providers.hostname import rewrite
from provision.agent.steps import Run
from provision.resources import Hostname
from tests.converge import converge, outcome
from tests.fake_host import FakeHost

WANT = Hostname(name="prometheus")
HOSTS = b"127.0.0.1\tlocalhost\n127.0.1.1\tprometheus\n::1 ip6-localhost\n"
OTHER = HOSTS.replace(b"prometheus", b"debian")
READY = "= the machine is called prometheus"


def rename(step: Run, host: FakeHost) -> None:
    host.put_file("/proc/sys/kernel/hostname", f"{step.argv[1]}\n".encode())


@pytest.mark.parametrize(
    ("kept", "hosts", "running", "expected"),
    [
        (b"prometheus\n", HOSTS, b"prometheus\n", READY),
        (b"debian\n", OTHER, b"debian\n", "~ hostname /etc/hostname content /etc/hosts content > Write Write Run"),
        (None, None, b"(none)\n", "~ hostname /etc/hostname file /etc/hosts file > Write Write Run"),
        (b"prometheus\n", HOSTS, b"debian\n", "~ hostname > Run"),
        (b"debian\n", HOSTS, b"prometheus\n", "~ /etc/hostname content > Write"),
        (b"prometheus\n", OTHER, b"prometheus\n", "~ /etc/hosts content > Write"),
        (b"prometheus", HOSTS, b"prometheus\n", "~ /etc/hostname content > Write"),
    ],
)
def test_every_prior(kept: bytes | None, hosts: bytes | None, running: bytes, expected: str) -> None:
    host = FakeHost()
    host.on(("hostname",), rename)
    for path, content in (("/etc/hostname", kept), ("/etc/hosts", hosts), ("/proc/sys/kernel/hostname", running)):
        if content is not None:
            host.put_file(path, content)
    assert outcome(WANT, host) == expected
    assert host.text("/etc/hostname") == "prometheus\n"
    assert b"127.0.1.1\tprometheus\n" in host.text("/etc/hosts").encode()


def test_the_name_resolves_before_it_is_in_force() -> None:
    host = FakeHost()
    host.on(("hostname",), rename)
    _, steps = converge(WANT, host)
    assert [getattr(step, "path", "run") for step in steps] == ["/etc/hosts", "/etc/hostname", "run"]
    assert b"localhost" in host.text("/etc/hosts").encode()


@pytest.mark.parametrize(
    ("hosts", "name", "expected"),
    [
        (b"", "a", b"127.0.1.1\ta\n"),
        (b"127.0.1.1 a\n", "a", b"127.0.1.1 a\n"),
        (b"127.0.1.1 b.lan a # ours\n", "a", b"127.0.1.1 b.lan a # ours\n"),
        (b"127.0.1.1 b # a\n", "a", b"127.0.1.1\ta\n"),
        (b"127.0.1.1 b\r\n::1 c\r\n", "a", b"127.0.1.1\ta\r\n::1 c\r\n"),
        (b"127.0.0.1 localhost\n::1 c", "a.lan", b"127.0.0.1 localhost\n127.0.1.1\ta.lan a\n::1 c"),
        (b"127.0.0.1 localhost", "a", b"127.0.0.1 localhost\n127.0.1.1\ta\n"),
        (b"# 127.0.1.1 a\n10.0.0.1 a", "a", b"# 127.0.1.1 a\n10.0.0.1 a\n127.0.1.1\ta\n"),
        (b"127.0.1.10 a\n", "a", b"127.0.1.10 a\n127.0.1.1\ta\n"),
    ],
)
def test_rewriting_hosts(hosts: bytes, name: str, expected: bytes) -> None:
    assert rewrite(hosts, name) == expected


line = st.one_of(
    st.binary(max_size=30).filter(lambda data: b"\n" not in data),
    st.sampled_from([b"127.0.0.1\tlocalhost", b"127.0.1.1 old.lan old", b"127.0.1.1\told", b"# 127.0.1.1 new", b"", b"::1 x\r"]),
)


def others(text: bytes) -> list[bytes]:
    """Return the lines that are not about 127.0.1.1."""
    return [each for each in text.split(b"\n") if each.partition(b"#")[0].split()[:1] != [b"127.0.1.1"]]


@given(st.lists(line, max_size=8).map(b"\n".join))
def test_all_lines_but_ours_stay_byte_for_byte(hosts: bytes) -> None:
    after = rewrite(hosts, "new")
    assert [each for each in others(after) if each] == [each for each in others(hosts) if each]
    ours = [each.partition(b"#")[0].split() for each in after.split(b"\n") if each not in others(after)]
    assert any(b"new" in fields[1:] for fields in ours)
    assert rewrite(after, "new") == after
    removed = set(hosts.split(b"\n")) - set(after.split(b"\n"))
    assert len(removed) <= 1
