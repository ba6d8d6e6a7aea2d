"""Files: every wanted state over every prior one."""

from __future__ import annotations

import pytest

from provision.agent.provider import NOTHING_PENDING, Pending
from provision.agent.providers.file import provider
from provision.agent.steps import MakeDirectory, Write
from provision.errors import ProvisionError, StepError
from provision.plan.model import Status
from provision.resources import Blob, Directory, File, Packages, Secret, User
from tests.converge import converge, outcome, plan
from tests.fake_host import FakeHost
from tests.prior import machine, put

PATH = "/etc/app/deep/conf"
CANARY = "canary-7f3a"

WANTED = {
    "text": File(path=PATH, content="new\n"),
    "mine": File(path=PATH, content="new\n", mode=0o600, owner="me"),
    "secret": File(path=PATH, content=Secret(CANARY), mode=0o600),
    "blob": File(path=PATH, content=Blob.of(b"new\n")),
    "absent": File(path=PATH, absent=True),
    "create only": File(path=PATH, content="new\n", create_only=True),
}
AS_WANTED = "= content, mode and owner are as wanted"
THERE = "= there already; the content is the person's"
BAD_KIND = {
    "directory": f"! `{PATH}` is a directory, not a file",
    "full directory": f"! `{PATH}` is a directory, not a file",
    "fifo": f"! `{PATH}` is a FIFO, socket or device, not a file",
}
UNREADABLE = {
    "unreadable": f"! cannot read `{PATH}`: permission denied",
    "unsearchable parent": f"! cannot read `{PATH}`: permission denied",
}
NEW = {
    "absent": "~ file > Write",
    "parents missing": "~ parent parent file > MakeDirectory MakeDirectory Write",
    "parent is a file": "! cannot make `/etc/app/deep/conf`: `/etc/app/deep` is there and is no directory",
    "parent is a link": "~ file > Write",
    "parent is a dangling link": "! cannot make `/etc/app/deep/conf`: `/etc/app/deep` is there and is no directory",
}
LINKED = dict.fromkeys(("link", "directory link", "dangling link"), "~ kind > Write")
OVER_FILE = {
    "right": AS_WANTED,
    "wrong content": "~ content > Write",
    "wrong mode": "~ mode > SetAttributes",
    "wrong owner": "~ owner group > SetAttributes",
    "wrong all": "~ content mode owner group > Write",
}
PLAIN = {**BAD_KIND, **UNREADABLE, **NEW, **LINKED, **OVER_FILE}
REMOVED = (*OVER_FILE, *LINKED, "unreadable")

EXPECTED: dict[str, dict[str, str]] = {
    "text": PLAIN,
    "mine": PLAIN,
    "secret": PLAIN,
    "blob": PLAIN,
    "absent": {
        **BAD_KIND,
        **dict.fromkeys(NEW, "= already absent"),
        **dict.fromkeys(OVER_FILE, "~ file > Remove"),
        **dict.fromkeys(LINKED, "~ link > Remove"),
        "unreadable": "~ file > Remove",
        "unsearchable parent": UNREADABLE["unsearchable parent"],
    },
    "create only": {
        **BAD_KIND,
        **NEW,
        "link": "= there already: a link to /mnt/target, which is the person's",
        "directory link": "= there already: a link to /mnt/real, which is the person's",
        "dangling link": "= there already: a link to /mnt/nowhere, which is the person's",
        "right": THERE,
        "wrong content": THERE,
        "wrong mode": "~ mode > SetAttributes",
        "wrong owner": "~ owner group > SetAttributes",
        "wrong all": "~ mode owner group > SetAttributes",
        "unreadable": THERE,
        "unsearchable parent": UNREADABLE["unsearchable parent"],
    },
}


def content_of(want: File) -> bytes:
    return CANARY.encode() if isinstance(want.content, Secret) else b"new\n"


def prepare(prior: str, want: File, host: FakeHost) -> None:
    right, wrong = content_of(want), b"old\n"
    if prior in OVER_FILE:
        data = wrong if prior in {"wrong content", "wrong all"} else right
        mode = 0o640 if prior in {"wrong mode", "wrong all"} else want.mode
        owner = "other" if prior in {"wrong owner", "wrong all"} else want.owner
        host.put_file(want.path, data, mode, owner, owner)
    else:
        put(prior, want.path, host)


@pytest.mark.parametrize(("wanted", "prior"), [(wanted, prior) for wanted in WANTED for prior in EXPECTED[wanted]])
def test_every_wanted_over_every_prior(wanted: str, prior: str) -> None:
    want, host = WANTED[wanted], machine()
    prepare(prior, want, host)
    assert outcome(want, host, b"new\n") == EXPECTED[wanted][prior]
    if EXPECTED[wanted][prior].startswith("~") and not want.absent:
        node = host.tree.get(want.path)
        assert node is not None
        assert (node.kind, node.mode, node.owner, node.group) == ("file", want.mode, want.owner, want.owner)
        kept = want.create_only and prior in OVER_FILE
        assert kept or node.data == content_of(want)
    # Whatever was linked to is never touched.
    assert host.text("/mnt/target") == "elsewhere\n"


def test_every_wanted_meets_every_prior() -> None:
    assert {frozenset(table) for table in EXPECTED.values()} == {frozenset(PLAIN)}
    assert set(EXPECTED) == set(WANTED)


@pytest.mark.parametrize("prior", ["absent", "parents missing", "wrong content", "wrong all", "link"])
def test_a_secret_is_never_shown(prior: str) -> None:
    want, host = WANTED["secret"], machine()
    prepare(prior, want, host)
    diff, steps = converge(want, host)
    shown = repr((diff, plan(want, host)))
    assert CANARY not in shown
    assert str(len(CANARY)) not in diff.text
    assert "content differs: ***" in diff.text
    assert [step.sensitive for step in steps if isinstance(step, Write)] == [True]


def test_a_secret_in_place_is_not_kept_in_the_observation() -> None:
    host = machine()
    host.put_file(PATH, b"another-canary", mode=0o600)
    have = provider.observe(WANTED["secret"], host)
    assert have.content is None
    assert "canary" not in repr(have)


def test_removing_a_secret_leaves_no_backup() -> None:
    host = machine()
    host.put_file(PATH, CANARY.encode())
    _, steps = converge(File(path=PATH, content=Secret(CANARY), absent=True), host)
    assert [getattr(step, "sensitive", None) for step in steps] == [True]


def test_the_diff_is_shown_unless_the_file_is_private() -> None:
    host = machine()
    host.put_file(PATH, b"old\n")
    assert "-old\n+new" in plan(WANTED["text"], host).text
    host.put_file(PATH, b"old\n", mode=0o600)
    assert plan(WANTED["text"], host).text == "content not shown: the file is private"
    assert plan(File(path="/etc/n", content="x", mode=0o600), host).text == "content not shown: the file is private"


def test_a_blob_is_asked_for_only_when_it_is_needed_and_not_here() -> None:
    want, host = WANTED["blob"], machine()
    blob = Blob.of(b"new\n")
    assert plan(want, host).lacks == blob.sha256
    host.blobs[blob.sha256] = b"new\n"
    assert plan(want, host).lacks == ""
    host.put_file(PATH, b"of another size\n")
    assert plan(want, host).changes[0].field == "content"
    assert host.calls["sha256"] == 0
    host.put_file(PATH, b"new\n", mode=0o640)
    assert provider.observe(want, host).supply is None
    host.blobs.clear()
    assert plan(want, host).lacks == ""
    assert outcome(want, host) == "~ mode > SetAttributes"


def test_a_blob_nobody_sent_is_an_error() -> None:
    want, host = WANTED["blob"], machine()
    with pytest.raises(ProvisionError, match="has not been sent"):
        list(provider.steps(want, provider.observe(want, host)))


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("/home/me/.local/share/jupyter/kernels/x/kernel.json", {("me", "staff")}),
        ("/srv/a/b/file", {("root", "root")}),
        ("/home/me2/x/file", {("root", "root")}),
    ],
)
def test_parents_belong_to_whoever_owns_the_home(path: str, owners: set[tuple[str, str]]) -> None:
    host = machine()
    host.add_user("me", group="staff")
    host.add_group("www-data", 33)
    _, steps = converge(File(path=path, owner="me", group="www-data"), host)
    made = [step for step in steps if isinstance(step, MakeDirectory)]
    assert made
    assert {(step.owner, step.group) for step in made} == owners
    assert {step.mode for step in made} == {0o755}
    node = host.tree.get(path)
    assert node is not None
    assert (node.owner, node.group) == ("me", "www-data")


def test_a_link_in_somebodys_home_is_theirs() -> None:
    host = machine()
    host.put_link("/home/me/.profile", "/etc/shadow", "me", "me")
    want = File(path="/home/me/.profile", content="x", owner="me")
    assert outcome(want, host) == "! `/home/me/.profile` is a link to /etc/shadow, not a file"


def test_a_home_is_not_its_namesakes() -> None:
    host = machine()
    host.put_link("/home/me2/.profile", "/mnt/target")
    assert outcome(File(path="/home/me2/.profile", owner="me"), host) == "~ kind > Write"


def test_a_missing_home_is_made_private() -> None:
    host = machine()
    host.tree.drop("/home/me")
    converge(File(path="/home/me/x/file", owner="me"), host)
    home, below = host.tree.get("/home/me"), host.tree.get("/home/me/x")
    assert home is not None
    assert below is not None
    assert (home.mode, home.owner, below.mode, below.owner) == (0o700, "me", 0o755, "me")


def test_an_owner_who_is_not_there_yet() -> None:
    host = machine()
    want = File(path="/opt/x", owner="new")
    with pytest.raises(ProvisionError, match="is to belong to user `new`, which does not exist"):
        plan(want, host)
    for resource in (User(name="new"), Packages(names=("anything",))):
        pending = Pending()
        pending.add(resource)
        diff = plan(want, host, pending)
        assert diff.status is Status.CHANGE
    host.add_user("new", 1002)
    assert outcome(want, host) == "~ file > Write"
    with pytest.raises(ProvisionError, match="is to belong to group `nogroup`"):
        plan(File(path="/srv/x", group="nogroup"), host)


def test_parents_that_something_else_makes_first_are_not_shown_twice() -> None:
    host, pending = machine(), Pending()
    pending.add(Directory(path="/srv/app"))
    assert [(change.field, change.after) for change in plan(File(path="/srv/app/b/c"), host, pending).changes] == [
        ("parent", "/srv"),
        ("parent", "/srv/app/b"),
        ("file", "0 bytes, sha256 e3b0c442"),
    ]


def test_a_parent_that_will_change_is_known_after_apply() -> None:
    host, pending = machine(), Pending()
    host.put_file("/etc/app")
    pending.add(File(path="/etc/app", absent=True))
    assert plan(File(path="/etc/app/conf"), host, pending).status is Status.KNOWN_AFTER_APPLY


def test_a_refusing_validator_leaves_the_old_file() -> None:
    host = machine()
    host.put_file("/etc/sudoers", b"old\n", mode=0o440)
    host.refused["visudo"] = "syntax error"
    with pytest.raises(StepError):
        converge(File(path="/etc/sudoers", content="new\n", mode=0o440, validate=("visudo", "-cf", "{}")), host)
    assert host.text("/etc/sudoers") == "old\n"


def test_a_large_file_is_neither_read_nor_diffed() -> None:
    host = machine()
    host.put_file("/etc/big", b"x" * (1 << 20) + b"yz")
    diff = plan(File(path="/etc/big", content="small\n"), host)
    assert host.calls["read"] == 0
    assert diff.text == "large: 1048578 → 6 bytes"
    assert diff.changes[0].before == "1048578 bytes"


def test_a_large_file_of_the_wanted_size_is_read() -> None:
    host = machine()
    text = "x" * (1 << 20) + "yz"
    host.put_file("/etc/big", text.encode())
    assert plan(File(path="/etc/big", content=text), host).ok


def test_looking_is_one_lstat_and_one_read() -> None:
    host = machine()
    wants = [File(path=f"/etc/many/{n}", content=f"{n}\n") for n in range(1000)]
    for n, want in enumerate(wants):
        host.put_file(want.path, f"{n}\n".encode())
    assert all(provider.diff(want, provider.observe(want, host), NOTHING_PENDING).ok for want in wants)
    assert (host.calls["lstat"], host.calls["read"]) == (1000, 1000)
