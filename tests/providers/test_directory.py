"""Directories: every wanted state over every prior one."""

from __future__ import annotations

import pytest

from provision.agent.provider import Pending
from provision.agent.steps import MakeDirectory
from provision.errors import ProvisionError
from provision.plan.model import Status
from provision.resources import Directory, File
from tests.converge import converge, outcome, plan
from tests.prior import PRIORS, machine, put

PATH = "/srv/app/deep/data"

WANTED = {
    "plain": Directory(path=PATH),
    "mine": Directory(path=PATH, mode=0o2770, owner="me", group="other"),
    "absent": Directory(path=PATH, absent=True),
}
ELSEWHERE = {
    "file": f"! `{PATH}` is a file, not a directory",
    "link": f"! `{PATH}` is a link to /mnt/target, not a directory",
    "directory link": f"! `{PATH}` is a link to /mnt/real, not a directory",
    "dangling link": f"! `{PATH}` is a link to /mnt/nowhere, not a directory",
    "fifo": f"! `{PATH}` is a FIFO, socket or device, not a directory",
    "unreadable": f"! `{PATH}` is a file, not a directory",
    "unsearchable parent": f"! cannot read `{PATH}`: permission denied",
}
BLOCKED = f"! cannot make `{PATH}`: `/srv/app/deep` is there and is no directory"
NEW = {
    "absent": "~ directory > MakeDirectory",
    "parents missing": "~ parent parent parent directory > MakeDirectory MakeDirectory MakeDirectory MakeDirectory",
    "parent is a file": BLOCKED,
    "parent is a link": "~ directory > MakeDirectory",
    "parent is a dangling link": BLOCKED,
}
EXPECTED = {
    "plain": {
        **ELSEWHERE,
        **NEW,
        "directory": "= there with the wanted mode and owner",
        "full directory": "= there with the wanted mode and owner",
        "wrong mode": "~ mode > SetAttributes",
        "wrong owner": "~ owner group > SetAttributes",
    },
    "mine": {
        **ELSEWHERE,
        **NEW,
        "directory": "~ mode owner group > SetAttributes",
        "full directory": "~ mode owner group > SetAttributes",
        "wrong mode": "~ mode > SetAttributes",
        "wrong owner": "~ owner > SetAttributes",
    },
    "absent": {
        **ELSEWHERE,
        **dict.fromkeys(NEW, "= already absent"),
        "directory": "~ directory > Remove",
        "full directory": f"! directory `{PATH}` is to go, but is not empty: it holds `inside`",
        "wrong mode": "~ directory > Remove",
        "wrong owner": "~ directory > Remove",
    },
}


@pytest.mark.parametrize(("wanted", "prior"), [(wanted, prior) for wanted in WANTED for prior in EXPECTED[wanted]])
def test_every_wanted_over_every_prior(wanted: str, prior: str) -> None:
    want, host = WANTED[wanted], machine()
    if prior == "wrong mode":
        host.put_directory(PATH, 0o700, want.owner, want.group or want.owner)
    elif prior == "wrong owner":
        host.put_directory(PATH, want.mode, "other", "other")
    else:
        put(prior, PATH, host)
    assert outcome(want, host) == EXPECTED[wanted][prior]
    if EXPECTED[wanted][prior].startswith("~") and not want.absent:
        node = host.tree.get(PATH)
        assert node is not None
        assert (node.kind, node.mode, node.owner, node.group) == (
            "directory",
            want.mode,
            want.owner,
            want.group or want.owner,
        )


@pytest.mark.parametrize("wanted", EXPECTED)
def test_every_prior_is_met(wanted: str) -> None:
    assert set(EXPECTED[wanted]) == {*PRIORS, "wrong mode", "wrong owner"}


def test_an_unreadable_directory_is_not_taken_for_an_empty_one() -> None:
    host = machine()
    host.put_directory(PATH)
    host.unreadable.add(PATH)
    assert outcome(WANTED["absent"], host) == f"! cannot read `{PATH}`: permission denied"


def test_one_that_will_be_emptied_first_is_known_after_apply() -> None:
    host, pending = machine(), Pending()
    host.put_file(f"{PATH}/a")
    pending.add(File(path=f"{PATH}/a", absent=True))
    assert plan(WANTED["absent"], host, pending).status is Status.KNOWN_AFTER_APPLY
    host.put_file(f"{PATH}/b")
    with pytest.raises(ProvisionError, match="it holds `b`"):
        plan(WANTED["absent"], host, pending)


def test_in_a_home_parents_are_the_owners() -> None:
    host = machine()
    _, steps = converge(Directory(path="/home/me/.local/share/x", mode=0o700, owner="me"), host)
    assert [(step.path, step.mode, step.owner, step.group) for step in steps if isinstance(step, MakeDirectory)] == [
        ("/home/me/.local", 0o755, "me", "me"),
        ("/home/me/.local/share", 0o755, "me", "me"),
        ("/home/me/.local/share/x", 0o700, "me", "me"),
    ]
