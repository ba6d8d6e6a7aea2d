"""Kernel parameters: the drop-in and the running value."""

from __future__ import annotations

import pytest

from provision.agent.providers.sysctl import proc
from provision.agent.steps import Run
from provision.errors import ProvisionError
from provision.resources import Sysctl
from tests.converge import converge, outcome, plan
from tests.fake_host import FakeHost

NAME = "net.ipv4.tcp_rmem"
PATH, PROC = f"/etc/sysctl.d/60-provision-{NAME}.conf", "/proc/sys/net/ipv4/tcp_rmem"
WANTED = {
    "set": Sysctl(name=NAME, value="4096 131072  6291456"),
    "absent": Sysctl(name=NAME, absent=True),
}
TEXT = f"{NAME} = 4096 131072  6291456\n".encode()
RIGHT, WRONG = b"4096\t131072\t6291456\n", b"1\t2\t3\n"
PRIORS = {
    "nothing": (None, WRONG),
    "running only": (None, RIGHT),
    "file only": (TEXT, WRONG),
    "right": (TEXT, RIGHT),
    "edited": (b"x = 1\n", RIGHT),
    "both wrong": (b"x = 1\n", WRONG),
    "no such parameter": (None, None),
}
EXPECTED = {
    "set": {
        "nothing": "~ file running value > Write Run",
        "running only": "~ file > Write",
        "file only": "~ running value > Run",
        "right": "= 4096 131072  6291456 now and after a boot",
        "edited": "~ content > Write",
        "both wrong": "~ content running value > Write Run",
        "no such parameter": f"! this kernel has no parameter `{NAME}`",
    },
    "absent": {
        **dict.fromkeys(("nothing", "running only", "no such parameter"), "= not set by us"),
        **dict.fromkeys(("file only", "right", "edited", "both wrong"), "~ file > Remove"),
    },
}


def apply(step: Run, host: FakeHost) -> None:
    value = host.text(step.argv[1]).partition("=")[2]
    host.put_file(PROC, "\t".join(value.split()).encode() + b"\n")


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    host.put_directory("/etc/sysctl.d")
    host.on(("/usr/lib/systemd/systemd-sysctl",), apply)
    host.put_file(PROC, RIGHT)
    return host


@pytest.mark.parametrize(("wanted", "prior"), [(wanted, prior) for wanted in WANTED for prior in PRIORS])
def test_every_wanted_over_every_prior(wanted: str, prior: str, host: FakeHost) -> None:
    file, running = PRIORS[prior]
    host.tree.drop(PROC)
    if file is not None:
        host.put_file(PATH, file)
    if running is not None:
        host.put_file(PROC, running)
    assert outcome(WANTED[wanted], host) == EXPECTED[wanted][prior]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("vm.swappiness", "vm/swappiness"),
        ("net.ipv4.conf.eth0/1.rp_filter", "net/ipv4/conf/eth0.1/rp_filter"),
        ("net/ipv4/conf/eth0.1/rp_filter", "net/ipv4/conf/eth0.1/rp_filter"),
    ],
)
def test_names_as_sysctl_d_has_them(name: str, path: str) -> None:
    assert proc(name) == f"/proc/sys/{path}"


@pytest.mark.parametrize(
    ("path", "text", "refused"),
    [
        ("/etc/sysctl.d/99-x.conf", f"# {NAME}=0\n-net/ipv4/tcp_rmem = 1 2 3\n", True),
        ("/usr/lib/sysctl.d/99-x.conf", f"{NAME}=1 2 3\n", True),
        ("/etc/sysctl.d/99-x.conf", f"{NAME} = 4096 131072 6291456\n", False),
        ("/etc/sysctl.d/99-x.conf", f"#{NAME} = 1\n;{NAME} = 1\n", False),
        ("/etc/sysctl.d/10-x.conf", f"{NAME} = 1 2 3\n", False),
        ("/etc/sysctl.d/99-x.conf.bak", f"{NAME} = 1 2 3\n", False),
    ],
)
def test_a_later_file_that_wins_at_boot_is_an_error(path: str, text: str, host: FakeHost, *, refused: bool) -> None:
    host.put_file(path, text.encode())
    assert outcome(WANTED["set"], host).startswith(f"! `{path}` sets {NAME} to 1 2 3 at every boot" if refused else "~ file")
    assert plan(WANTED["absent"], host).ok or not refused


def test_the_link_to_sysctl_conf_is_followed_and_a_masked_file_is_nothing(host: FakeHost) -> None:
    host.put_link("/etc/sysctl.d/99-sysctl.conf", "../sysctl.conf")
    converge(WANTED["set"], host)
    host.put_file("/etc/sysctl.conf", f"{NAME}=1\n".encode())
    with pytest.raises(ProvisionError, match="99-sysctl"):
        plan(WANTED["set"], host)
    host.put_file("/usr/lib/sysctl.d/99-sysctl.conf", f"{NAME}=2\n".encode())
    host.put_link("/etc/sysctl.d/99-sysctl.conf", "/dev/null")
    assert plan(WANTED["set"], host).ok
