"""Downloads: every wanted state over every prior one."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from provision.agent.provider import Pending
from provision.agent.steps import Fetch, MakeDirectory
from provision.errors import StepError
from provision.plan.model import Status
from provision.resources import Download, User
from tests.converge import converge, outcome, plan
from tests.fake_host import FakeHost
from tests.prior import machine, put

PATH, DATA = "/opt/tools/bin/tool", b"the tool\n"
WANT = Download(url="http://mirror.test/tool", path=PATH, sha256=hashlib.sha256(DATA).hexdigest(), size=len(DATA), mode=0o755)
WANTED = {"sized": WANT, "unsized": replace(WANT, size=0), "mine": replace(WANT, owner="me")}
FILES = {
    "right": (DATA, 0o755, ""),
    "same size": (b"THE TOOL\n", 0o755, ""),
    "other size": (b"half", 0o755, ""),
    "wrong mode": (DATA, 0o644, ""),
    "wrong owner": (DATA, 0o755, "other"),
    "wrong all": (b"half", 0o644, "other"),
}
BAD = {
    **dict.fromkeys(("directory", "full directory"), f"! `{PATH}` is a directory, not a file"),
    "fifo": f"! `{PATH}` is a FIFO, socket or device, not a file",
    "link": f"! `{PATH}` is a link to /mnt/target, not a file",
    "unreadable": f"! cannot read `{PATH}`: permission denied",
}
EXPECTED = {
    **BAD,
    "absent": "~ content > Fetch",
    "parents missing": "~ parent parent content > MakeDirectory MakeDirectory Fetch",
    "parent is a file": f"! cannot make `{PATH}`: `/opt/tools/bin` is there and is no directory",
    "right": "= its SHA-256 is right",
    "same size": "~ content > Fetch",
    "other size": "~ content > Fetch",
    "wrong mode": "~ mode > SetAttributes",
    "wrong owner": "~ owner group > SetAttributes",
    "wrong all": "~ content mode owner group > Fetch",
}


@pytest.fixture
def host() -> FakeHost:
    host = machine()
    host.web[WANT.url] = DATA
    return host


def prepare(prior: str, want: Download, host: FakeHost) -> None:
    if prior not in FILES:
        put(prior, PATH, host)
        if prior == "unreadable":
            host.put_file(PATH, b"?" * len(DATA))  # one of another size would not even be looked into
        return
    data, mode, owner = FILES[prior]
    host.put_file(PATH, data, mode, owner or want.owner, owner or want.owner)


@pytest.mark.parametrize(("wanted", "prior"), [(wanted, prior) for wanted in WANTED for prior in EXPECTED])
def test_every_wanted_over_every_prior(wanted: str, prior: str, host: FakeHost) -> None:
    want = WANTED[wanted]
    prepare(prior, want, host)
    expected = EXPECTED[prior]
    assert outcome(want, host) == expected
    if not expected.startswith("!"):
        node = host.tree.get(PATH)
        assert node is not None
        assert (node.data, node.mode, node.owner) == (DATA, 0o755, want.owner)


def test_bytes_are_counted_only_where_they_are_fetched(host: FakeHost) -> None:
    assert plan(WANT, host).download_bytes == len(DATA)
    assert plan(WANTED["unsized"], host).download_bytes is None
    host.put_file(PATH, DATA, mode=0o600)
    assert plan(WANT, host).download_bytes is None


def test_another_size_is_not_hashed(host: FakeHost) -> None:
    host.put_file(PATH, b"half")
    plan(WANT, host)
    assert host.calls["sha256"] == 0


def test_other_bytes_are_refused_and_the_old_ones_stay(host: FakeHost) -> None:
    host.put_file(PATH, b"old")
    host.web[WANT.url] = b"evil tool"
    with pytest.raises(StepError, match="another sha256"):
        converge(WANT, host)
    assert host.text(PATH) == "old"


def test_into_a_home(host: FakeHost) -> None:
    _, steps = converge(replace(WANT, path="/home/me/.local/bin/tool", owner="me"), host)
    assert [(s.path, s.owner) for s in steps if isinstance(s, MakeDirectory)] == [
        ("/home/me/.local", "me"),
        ("/home/me/.local/bin", "me"),
    ]
    assert [(s.owner, s.group) for s in steps if isinstance(s, Fetch)] == [("me", "me")]


def test_an_owner_who_is_still_to_come(host: FakeHost) -> None:
    want = replace(WANT, owner="new")
    assert outcome(want, host).startswith("! ")
    pending = Pending()
    pending.add(User(name="new"))
    assert plan(want, host, pending).status is Status.CHANGE
