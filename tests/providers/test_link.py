"""Links: every wanted state over every prior one."""

from __future__ import annotations

import pytest

from provision.resources import Link
from tests.converge import outcome
from tests.prior import PRIORS, machine, put

PATH = "/opt/app/current"

WANTED = {
    "plain": Link(path=PATH, target="/mnt/target"),
    "relative": Link(path=PATH, target="../x"),
    "mine": Link(path=PATH, target="/mnt/target", owner="me"),
    "absent": Link(path=PATH, absent=True),
}
ELSEWHERE = {
    "file": f"! `{PATH}` is a file, not a link",
    "directory": f"! `{PATH}` is a directory, not a link",
    "full directory": f"! `{PATH}` is a directory, not a link",
    "fifo": f"! `{PATH}` is a FIFO, socket or device, not a link",
    "unreadable": f"! `{PATH}` is a file, not a link",
    "unsearchable parent": f"! cannot read `{PATH}`: permission denied",
}
BLOCKED = f"! cannot make `{PATH}`: `/opt/app` is there and is no directory"
NEW = {
    "absent": "~ link > MakeLink",
    "parents missing": "~ parent link > MakeDirectory MakeLink",
    "parent is a file": BLOCKED,
    "parent is a link": "~ link > MakeLink",
    "parent is a dangling link": BLOCKED,
}
OTHER = "~ target > MakeLink"
EXPECTED = {
    "plain": {**ELSEWHERE, **NEW, "link": "= points to `/mnt/target`", "directory link": OTHER, "dangling link": OTHER},
    "relative": {**ELSEWHERE, **NEW, "link": OTHER, "directory link": OTHER, "dangling link": OTHER},
    "mine": {
        **ELSEWHERE,
        **NEW,
        "link": "~ owner > MakeLink",
        "directory link": "~ target owner > MakeLink",
        "dangling link": "~ target owner > MakeLink",
    },
    "absent": {
        **ELSEWHERE,
        **dict.fromkeys(NEW, "= already absent"),
        **dict.fromkeys(("link", "directory link", "dangling link"), "~ link > Remove"),
    },
}


@pytest.mark.parametrize(("wanted", "prior"), [(wanted, prior) for wanted in WANTED for prior in PRIORS])
def test_every_wanted_over_every_prior(wanted: str, prior: str) -> None:
    want, host = WANTED[wanted], machine()
    put(prior, PATH, host)
    assert outcome(want, host) == EXPECTED[wanted][prior]
    if EXPECTED[wanted][prior].startswith("~") and not want.absent:
        node = host.tree.get(PATH)
        assert node is not None
        assert (node.kind, node.target, node.owner, node.group) == ("link", want.target, want.owner, want.owner)
    assert host.text("/mnt/target") == "elsewhere\n"
