"""Apt pins: every wanted state over every prior one, which holds for all text files of the system's own."""

from __future__ import annotations

import pytest

from provision.agent.provider import NOTHING_PENDING
from provision.agent.providers.apt_pin import provider
from provision.resources import AptPin
from tests.converge import converge, outcome, plan
from tests.prior import machine, put

PATH = "/etc/apt/preferences.d/nvidia"
TEXT = b"Package: libcuda1 nvidia-*\nPin: version 570.*\nPin-Priority: 1001\n"
WANTED = {
    "present": AptPin(name="nvidia", packages=("libcuda1", "nvidia-*"), pin="version 570.*", priority=1001),
    "absent": AptPin(name="nvidia", absent=True),
}
FILES = {
    "right": (TEXT, 0o644, "root"),
    "wrong content": (b"Package: *\n", 0o644, "root"),
    "wrong mode": (TEXT, 0o600, "root"),
    "wrong owner": (TEXT, 0o644, "me"),
    "wrong all": (b"", 0o600, "me"),
}
BAD_KIND = {
    "directory": f"! `{PATH}` is a directory, not a file",
    "full directory": f"! `{PATH}` is a directory, not a file",
    "fifo": f"! `{PATH}` is a FIFO, socket or device, not a file",
    "unreadable": f"! cannot read `{PATH}`: permission denied",
    "unsearchable parent": f"! cannot read `{PATH}`: permission denied",
}
BLOCKED = f"! cannot make `{PATH}`: `/etc/apt/preferences.d` is there and is no directory"
LINKS = ("link", "directory link", "dangling link")
NOT_THERE = ("absent", "parents missing", "parent is a file", "parent is a link", "parent is a dangling link")
EXPECTED = {
    "present": {
        **BAD_KIND,
        "absent": "~ file > Write",
        "parents missing": "~ parent parent file > MakeDirectory MakeDirectory Write",
        "parent is a file": BLOCKED,
        "parent is a link": "~ file > Write",
        "parent is a dangling link": BLOCKED,
        **dict.fromkeys(LINKS, "~ file > Write"),
        "right": f"= {PATH} says so",
        "wrong content": "~ content > Write",
        "wrong mode": "~ mode > SetAttributes",
        "wrong owner": "~ owner group > SetAttributes",
        "wrong all": "~ content mode owner group > Write",
    },
    "absent": {
        **BAD_KIND,
        **dict.fromkeys(NOT_THERE, f"= {PATH} is absent"),
        **dict.fromkeys(LINKS, "~ link > Remove"),
        **dict.fromkeys(FILES, "~ file > Remove"),
    },
}


@pytest.mark.parametrize(("wanted", "prior"), [(wanted, prior) for wanted in WANTED for prior in EXPECTED[wanted]])
def test_every_wanted_over_every_prior(wanted: str, prior: str) -> None:
    host = machine()
    if prior in FILES:
        data, mode, owner = FILES[prior]
        host.put_file(PATH, data, mode, owner, owner)
    else:
        put(prior, PATH, host)
    expected = EXPECTED[wanted][prior]
    assert outcome(WANTED[wanted], host) == expected
    if expected.startswith("~") and wanted == "present":
        node = host.tree.get(PATH)
        assert node is not None
        assert (node.data, node.mode, node.owner, node.group) == (TEXT, 0o644, "root", "root")
    assert host.text("/mnt/target") == "elsewhere\n"


def test_the_diff_is_shown() -> None:
    host = machine()
    host.put_file(PATH, TEXT.replace(b"570", b"580"))
    assert "-Pin: version 580.*\n+Pin: version 570.*" in plan(WANTED["present"], host).text
    assert "-Pin-Priority: 1001" in plan(WANTED["absent"], host).text


def test_a_pin_costs_two_looks_and_no_program() -> None:
    host = machine()
    converge(WANTED["present"], host)
    host.calls.clear()
    assert provider.diff(WANTED["present"], provider.observe(WANTED["present"], host), NOTHING_PENDING).ok
    assert host.calls == {"lstat": 1, "read": 1}
