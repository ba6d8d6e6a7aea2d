"""Secrets made on the machine: every wanted state over every prior one."""

from __future__ import annotations

import pytest

from provision.agent.steps import Remove
from provision.resources import GeneratedSecret
from tests.converge import converge, outcome, plan
from tests.prior import PRIORS, machine, put

PATH = "/var/lib/app/token"

WANTED = {
    "plain": GeneratedSecret(path=PATH),
    "mine": GeneratedSecret(path=PATH, length=64, mode=0o640, owner="me"),
}
EXPECTED = {
    "absent": "~ secret > WriteRandom",
    "parents missing": "~ parent secret > MakeDirectory WriteRandom",
    "parent is a file": f"! cannot make `{PATH}`: `/var/lib/app` is there and is no directory",
    "parent is a link": "~ secret > WriteRandom",
    "parent is a dangling link": f"! cannot make `{PATH}`: `/var/lib/app` is there and is no directory",
    "directory": f"! `{PATH}` is a directory, not a file",
    "full directory": f"! `{PATH}` is a directory, not a file",
    "link": f"! `{PATH}` is a link to /mnt/target, not a file",
    "directory link": f"! `{PATH}` is a link to /mnt/real, not a file",
    "dangling link": f"! `{PATH}` is a link to /mnt/nowhere, not a file",
    "fifo": f"! `{PATH}` is a FIFO, socket or device, not a file",
    "unsearchable parent": f"! cannot read `{PATH}`: permission denied",
    "right": "= made already and left alone",
    "right and unreadable": "= made already and left alone",
    "longer": "= made already and left alone",
    "short": "~ secret > Remove WriteRandom",
    "empty": "~ secret > Remove WriteRandom",
    "wrong mode": "~ mode > SetAttributes",
    "wrong owner": "~ owner group > SetAttributes",
    "wrong all": "~ secret mode owner group > Remove WriteRandom",
}


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("prior", EXPECTED)
def test_every_wanted_over_every_prior(wanted: str, prior: str) -> None:
    want, host = WANTED[wanted], machine()
    if prior in PRIORS:
        put(prior, PATH, host)
    else:
        hexadecimal = {"short": 2 * want.length - 1, "empty": 0, "wrong all": 3, "longer": 500}.get(prior, 2 * want.length)
        mode = 0o644 if prior in {"wrong mode", "wrong all"} else want.mode
        owner = "other" if prior in {"wrong owner", "wrong all"} else want.owner
        host.put_file(PATH, b"a" * hexadecimal, mode, owner, owner)
    if prior == "right and unreadable":
        host.unreadable.add(PATH)
    assert outcome(want, host) == EXPECTED[prior]
    assert host.calls["read"] == host.calls["sha256"] == 0
    if EXPECTED[prior].startswith("~"):
        node = host.tree.get(PATH)
        assert node is not None
        assert (node.mode, node.owner, node.group) == (want.mode, want.owner, want.owner)
        made = "WriteRandom" in EXPECTED[prior]
        assert len(node.data) == 2 * want.length + made


def test_every_prior_is_met() -> None:
    assert set(PRIORS) - {"file", "unreadable"} <= set(EXPECTED)


def test_a_short_secret_leaves_no_backup() -> None:
    host = machine()
    host.put_file(PATH, b"short", mode=0o600)
    _, steps = converge(WANTED["plain"], host)
    assert steps[0] == Remove(path=PATH, sensitive=True)


def test_what_is_there_stays_itself() -> None:
    host = machine()
    converge(WANTED["plain"], host)
    made = host.text(PATH)
    host.perform(converge(GeneratedSecret(path=PATH, mode=0o640), host)[1][0])
    assert host.text(PATH) == made
    assert made not in repr(plan(WANTED["plain"], host))
