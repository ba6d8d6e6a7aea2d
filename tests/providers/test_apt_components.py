"""Components in the distribution's own sources: both formats, every other byte kept, and an index fetched since."""

from __future__ import annotations

import pytest

from provision.agent.provider import Pending
from provision.agent.steps import Run, Write
from provision.errors import ProvisionError, StepError
from provision.plan.model import Status
from provision.resources import AptComponents, File
from tests.converge import converge, outcome, plan
from tests.fake_apt import Apt
from tests.fake_host import FakeHost

WANT = AptComponents(components=("contrib", "non-free", "non-free-firmware"))
LIST, SOURCES, OTHER = "/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list.d/other.list"
ALL = "main contrib non-free non-free-firmware"
READY = "= every source of the distribution has them, and its index was fetched since"
UPDATE = "Run Remember Remember"

ONE_LINE = """# written by the installer
deb http://mirror.test/debian bookworm main   # ours
deb-src http://mirror.test/debian bookworm main
#deb http://mirror.test/debian bookworm-backports main

deb [arch=amd64]\thttp://mirror.test/debian bookworm-updates main non-free-firmware
deb http://security.test/debian-security bookworm-security main
deb http://mirror.test/debian sid main"""
DEB822 = """# a comment
Types: deb
URIs: mirror+file:/etc/apt/mirrors/debian.list
Suites: bookworm bookworm-updates bookworm-backports
Components:
 main
# why not
 contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: mirror+file:/etc/apt/mirrors/debian-security.list
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
Enabled: no
URIs: http://mirror.test/debian
Suites: bookworm
Components: main
"""
FOREIGN = "deb [signed-by=/usr/share/keyrings/tools.gpg] https://tools.test/apt bookworm main\n"
BACKPORTS = "deb http://m.test/d bookworm-backports main\n"
PLAIN = "deb https://tools.test/apt bookworm main\n"
DONE_LIST = (
    ONE_LINE.replace("bookworm main   # ours", f"bookworm {ALL}   # ours")
    .replace("main non-free-firmware", "main non-free-firmware contrib non-free")
    .replace("bookworm-security main", f"bookworm-security {ALL}")
)
DONE_SOURCES = DEB822.replace(" contrib\nSigned", " contrib non-free non-free-firmware\nSigned").replace(
    "security\nComponents: main", f"security\nComponents: {ALL}"
)


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    host.put_directory("/etc/apt/sources.list.d")
    host.put_file("/etc/os-release", b'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n')
    host.tick(100)
    return host


def release(host: FakeHost, name: str, origin: str, codename: str = "bookworm") -> None:
    """Put the Release file there that apt fetched for a source."""
    text = f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: {origin}\nLabel: x\nCodename: {codename}\nSHA256:\n"
    host.put_file(f"/var/lib/apt/lists/{name}_InRelease", text.encode())


CASES: dict[str, tuple[dict[str, str], str, dict[str, str]]] = {
    "one-line": ({LIST: ONE_LINE}, f"~ bookworm bookworm-updates bookworm-security index > Write {UPDATE}", {LIST: DONE_LIST}),
    "deb822": (
        {SOURCES: DEB822},
        f"~ bookworm bookworm-updates bookworm-backports bookworm-security index > Write {UPDATE}",
        {SOURCES: DONE_SOURCES},
    ),
    "both": (
        {LIST: "deb http://mirror.test/debian bookworm main\n", SOURCES: DEB822},
        f"~ bookworm bookworm bookworm-updates bookworm-backports bookworm-security index > Write Write {UPDATE}",
        {LIST: f"deb http://mirror.test/debian bookworm {ALL}\n", SOURCES: DONE_SOURCES},
    ),
    "somebody else's too": (
        {LIST: "deb http://mirror.test/debian bookworm main\n", OTHER: FOREIGN},
        f"~ bookworm index > Write {UPDATE}",
        {LIST: f"deb http://mirror.test/debian bookworm {ALL}\n", OTHER: FOREIGN},
    ),
    "in two entries": (
        {LIST: "deb http://mirror.test/debian bookworm main\ndeb http://mirror.test/debian/ bookworm contrib non-free\n"
               "deb http://mirror.test/debian bookworm main non-free-firmware\n"},
        f"~ bookworm index > Write {UPDATE}",
        {LIST: "deb http://mirror.test/debian bookworm main contrib non-free\n"
               "deb http://mirror.test/debian/ bookworm contrib non-free\n"
               "deb http://mirror.test/debian bookworm main non-free-firmware\n"},
    ),
    "never fetched": ({LIST: f"deb http://mirror.test/debian bookworm {ALL}\n"}, f"~ index > {UPDATE}", {}),
    "not UTF-8": (
        {LIST: "# caf\udce9\ndeb http://mirror.test/debian bookworm main\n"},
        f"~ bookworm index > Write {UPDATE}",
        {LIST: f"# caf\udce9\ndeb http://mirror.test/debian bookworm {ALL}\n"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_every_prior_state(case: str, host: FakeHost) -> None:
    before, expected, after = CASES[case]
    Apt(host)
    for path, text in before.items():
        host.put_file(path, text.encode("utf-8", "surrogateescape"))
    assert outcome(WANT, host) == expected
    for path, text in {**before, **after}.items():
        node = host.tree.get(path)
        assert node is not None
        assert node.data.decode("utf-8", "surrogateescape") == text
    assert outcome(WANT, host) == READY


def test_mode_and_owner_stay_and_a_private_text_is_not_shown(host: FakeHost) -> None:
    Apt(host)
    host.put_file(LIST, b"deb https://me:pw@mirror.test/debian bookworm main\n", mode=0o600)
    assert "pw" not in plan(WANT, host).text
    _, steps = converge(WANT, host)
    assert [(step.mode, step.owner) for step in steps if isinstance(step, Write)] == [(0o600, "root")]


def test_the_diff_shows_each_file(host: FakeHost) -> None:
    host.put_file(LIST, ONE_LINE.encode())
    host.put_file(SOURCES, DEB822.encode())
    text = plan(WANT, host).text
    assert f"+deb http://mirror.test/debian bookworm {ALL}   # ours" in text
    assert "+ contrib non-free non-free-firmware" in text


def test_a_failed_update_is_tried_again_although_the_files_are_right(host: FakeHost) -> None:
    apt = Apt(host, broken_update=True)
    apt.fresh()
    host.tick()
    host.put_file(LIST, ONE_LINE.encode())
    with pytest.raises(StepError):
        converge(WANT, host)
    assert host.text(LIST) == DONE_LIST
    assert [change.field for change in plan(WANT, host).changes] == ["index"]
    apt.broken_update = False
    converge(WANT, host)
    assert plan(WANT, host).ok


def test_an_index_that_a_person_fetched_since_will_do(host: FakeHost) -> None:
    host.put_file(LIST, DONE_LIST.encode())
    assert not plan(WANT, host).ok
    host.tick(60)
    Apt(host).fresh()
    assert f"= {plan(WANT, host).why}" == READY


def test_another_mirror_is_another_index(host: FakeHost) -> None:
    Apt(host)
    host.put_file(LIST, ONE_LINE.encode())
    converge(WANT, host)
    host.tick(60)
    host.put_file(LIST, DONE_LIST.replace("mirror.test", "faster.test").encode())
    assert [change.field for change in plan(WANT, host).changes] == ["index"]
    host.put_file(LIST, f"# a comment\n{DONE_LIST}".encode())
    assert plan(WANT, host).ok


def test_two_wishes_side_by_side(host: FakeHost) -> None:
    Apt(host)
    host.put_file(LIST, ONE_LINE.encode())
    wishes = [AptComponents(components=("contrib",)), AptComponents(components=("non-free",))]
    for want in wishes:
        converge(want, host)
    assert all(plan(want, host).ok for want in wishes)


@pytest.mark.parametrize(
    ("text", "name", "origin", "codename", "own"),
    [
        (PLAIN, "tools.test_apt_dists_bookworm", "Tools", "bookworm", False),
        (PLAIN, "tools.test_apt_dists_bookworm", "Debian", "bookworm", True),
        (FOREIGN, "tools.test_apt_dists_bookworm", "Debian", "bookworm", True),
        (FOREIGN, "tools.test_apt_dists_bookworm", "Tools", "bookworm", False),
        (BACKPORTS, "m.test_d_dists_bookworm-backports", "Debian Backports", "bookworm-backports", True),
        ("deb http://m.test/d stable main\n", "m.test_d_dists_stable", "Debian", "bookworm", True),
        ("deb http://m.test/d stable main\n", "m.test_d_dists_stable", "Debian", "trixie", False),
        ("deb http://m.test/d stable main\n", "other", "Debian", "bookworm", False),
        ("deb http://m.test/d sid main\n", "m.test_d_dists_sid", "Debian", "sid", False),
        ("deb http://m.test/d bookworm stable\n", "m.test_d_dists_bookworm", "Debian", "bookworm", False),
        ("deb http://u:p@m.test:8080/~d_x bookworm main\n", "m.test:8080_%7ed%5fx_dists_bookworm", "Tools", "bookworm", False),
        ("deb mirror+file:/etc/apt/m.list bookworm main\n", "_etc_apt_m.list_dists_bookworm", "Tools", "bookworm", False),
    ],
)  # fmt: skip
def test_whose_a_source_is(text: str, name: str, origin: str, codename: str, *, own: bool, host: FakeHost) -> None:
    host.put_file(OTHER, text.encode())
    release(host, name, origin, codename)
    if own:
        assert plan(WANT, host).status is Status.CHANGE
        return
    with pytest.raises(ProvisionError, match="no apt source of debian bookworm itself"):
        plan(WANT, host)


def test_nothing_to_edit_says_what_to_type(host: FakeHost) -> None:
    host.put_file(OTHER, FOREIGN.encode())
    with pytest.raises(ProvisionError) as caught:
        plan(WANT, host)
    assert caught.value.message == "no apt source of debian bookworm itself is there to add contrib non-free non-free-firmware to"
    assert f"`deb MIRROR bookworm {ALL}`" in caught.value.hint
    assert caught.value.evidence == f"of another origin, so left alone:\n{OTHER}: bookworm main"


def test_a_person_may_have_added_them_to_a_mirror_of_their_own(host: FakeHost) -> None:
    host.put_file(OTHER, FOREIGN.replace("main", ALL).encode())
    assert outcome(WANT, host) == "= every source of this release has them"


def test_a_machine_that_does_not_say_what_it_is(host: FakeHost) -> None:
    host.tree.drop("/etc/os-release")
    host.put_file(LIST, ONE_LINE.encode())
    assert outcome(WANT, host).startswith("! no apt source of linux itself")


def test_a_file_that_changes_before_is_looked_at_later(host: FakeHost) -> None:
    host.put_file(SOURCES, DEB822.encode())
    pending = Pending()
    pending.add(File(path=SOURCES))
    assert plan(WANT, host, pending).status is Status.KNOWN_AFTER_APPLY


def test_a_no_op_asks_no_program(host: FakeHost) -> None:
    Apt(host)
    host.put_file(LIST, ONE_LINE.encode())
    _, steps = converge(WANT, host)
    assert [step.argv[:2] for step in steps if isinstance(step, Run)] == [("apt-get", "update")]
    assert host.calls["query"] == 0
