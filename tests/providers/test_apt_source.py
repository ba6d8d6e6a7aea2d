"""Apt sources: the files, the key, and the index that must have been fetched since."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provision.agent.provider import Pending
from provision.agent.providers.apt_source import provider
from provision.agent.steps import Remember, Run
from provision.errors import ProvisionError, StepError
from provision.resources import AptSource, File
from tests.converge import converge, look, outcome, plan
from tests.fake_apt import Apt
from tests.fake_host import FakeHost
from tests.keys import ARCHIVE, ARCHIVE_FINGERPRINT
from tests.prior import machine

WANT = AptSource(
    name="tools",
    uris=("https://mirror.test/tools",),
    suites=("stable",),
    components=("main", "extra"),
    architectures=("amd64",),
    key_text=ARCHIVE,
    fingerprint=ARCHIVE_FINGERPRINT,
)
RING = AptSource(name="tools", uris=("https://mirror.test/tools",), suites=("./",), signed_by="/usr/share/keyrings/tools.gpg")
WANTED = {"own key": WANT, "a keyring": RING, "absent": AptSource(name="tools", absent=True)}
SOURCE, KEY = "/etc/apt/sources.list.d/tools.sources", "/etc/apt/keyrings/tools.asc"
TEXT = f"""Types: deb
URIs: https://mirror.test/tools
Suites: stable
Components: main extra
Architectures: amd64
Signed-By: {KEY}
"""
UPDATE = "Run Remember Remember"


@pytest.fixture
def host() -> FakeHost:
    host = machine()
    for path in ("/etc/apt/sources.list.d", "/etc/apt/keyrings"):
        host.put_directory(path)
    host.put_file("/usr/share/keyrings/tools.gpg", b"\x99")
    Apt(host)
    return host


def prepare(prior: str, want: AptSource, host: FakeHost) -> None:
    if prior == "nothing":
        return
    Apt(host)
    converge(WANT if want.absent else want, host)
    host.steps.clear()
    if prior == "index lost":
        host.state.clear()
    if prior in {"source edited", "both edited"}:
        host.put_file(SOURCE, b"Types: deb\n")
    if prior in {"key edited", "both edited"}:
        host.put_file(KEY, b"other\n")
    if prior == "source gone":
        host.tree.drop(SOURCE)
    if prior == "modes wrong":
        host.put_file(SOURCE, host.text(SOURCE).encode(), mode=0o600)


READY = f"= {SOURCE} says so, and its index was fetched since"
EXPECTED = {
    "own key": {
        "nothing": f"~ key file file index > Write Write {UPDATE}",
        "right": READY,
        "index lost": f"~ index > {UPDATE}",
        "source edited": f"~ content > Write {UPDATE}",
        "key edited": f"~ key content > Write {UPDATE}",
        "both edited": f"~ key content content > Write Write {UPDATE}",
        "source gone": f"~ file > Write {UPDATE}",
        "modes wrong": f"~ mode > SetAttributes {UPDATE}",
    },
    "a keyring": {
        "nothing": f"~ file index > Write {UPDATE}",
        "right": READY,
        "index lost": f"~ index > {UPDATE}",
        "source edited": f"~ content > Write {UPDATE}",
        "key edited": READY,
        "both edited": f"~ content > Write {UPDATE}",
        "source gone": f"~ file > Write {UPDATE}",
        "modes wrong": f"~ mode > SetAttributes {UPDATE}",
    },
    "absent": {
        "nothing": f"= {SOURCE} is absent",
        "right": "~ key file file index > Remove Remove Remember",
        "index lost": "~ key file file > Remove Remove Remember",
        "source edited": "~ key file file index > Remove Remove Remember",
        "key edited": "~ key file file index > Remove Remove Remember",
        "both edited": "~ key file file index > Remove Remove Remember",
        "source gone": "~ key file index > Remove Remember",
        "modes wrong": "~ key file file index > Remove Remove Remember",
    },
}


@pytest.mark.parametrize(("wanted", "prior"), [(wanted, prior) for wanted in WANTED for prior in EXPECTED[wanted]])
def test_every_wanted_over_every_prior(wanted: str, prior: str, host: FakeHost) -> None:
    prepare(prior, WANTED[wanted], host)
    assert outcome(WANTED[wanted], host) == EXPECTED[wanted][prior]
    if wanted == "own key":
        assert (host.text(SOURCE), host.text(KEY)) == (TEXT, ARCHIVE)
    if wanted == "absent":
        assert host.lstat(SOURCE) is None
        assert host.lstat(KEY) is None


def test_a_failed_update_is_tried_again_although_the_file_is_right(host: FakeHost) -> None:
    apt = Apt(host, broken_update=True)
    with pytest.raises(StepError):
        converge(WANT, host)
    assert host.text(SOURCE) == TEXT
    assert [each.field for each in plan(WANT, host).changes] == ["index"]
    apt.broken_update = False
    converge(WANT, host)
    assert plan(WANT, host).ok


def test_a_removed_source_that_comes_back_is_fetched_again(host: FakeHost) -> None:
    converge(WANT, host)
    converge(WANTED["absent"], host)
    _, steps = converge(WANT, host)
    assert any(isinstance(step, Run) and step.argv[:2] == ("apt-get", "update") for step in steps)


def test_two_sources_side_by_side_are_fetched_once(host: FakeHost) -> None:
    other = replace(WANT, name="other", uris=("https://other.test/x",))
    pairs = [(want, look(want, host)[0]) for want in (WANT, other)]
    steps = list(provider.batch_steps(pairs))
    assert [step.argv[:2] for step in steps if isinstance(step, Run)] == [("apt-get", "update")]
    remembered = [step.name for step in steps if isinstance(step, Remember)]
    assert remembered == ["apt-index", "apt-source-tools", "apt-source-other"]
    for step in steps:
        host.perform(step)
    assert plan(WANT, host).ok
    assert plan(other, host).ok


@pytest.mark.parametrize(
    ("want", "message"),
    [
        (replace(WANT, fingerprint="A" * 40), f"has the fingerprint {ARCHIVE_FINGERPRINT}, {'A' * 40} is expected"),
        (replace(WANT, key_text="garbage"), "not an OpenPGP public key"),
        (replace(WANT, key_text=ARCHIVE + ARCHIVE), "one armoured block"),
    ],
)
def test_a_wrong_key_is_refused_before_anything_is_written(want: AptSource, message: str, host: FakeHost) -> None:
    assert message in outcome(want, host)


def test_a_keyring_that_is_not_there(host: FakeHost) -> None:
    host.tree.drop(RING.signed_by)
    assert outcome(RING, host) == "! the keyring `/usr/share/keyrings/tools.gpg` of apt source `tools` is not there"
    pending = Pending()
    pending.add(File(path=RING.signed_by))
    assert not plan(RING, host, pending).ok


@pytest.mark.parametrize(
    ("path", "text", "refused"),
    [
        ("/etc/apt/sources.list", "deb [signed-by=/other.gpg] https://mirror.test/tools/ stable main", "signed by /other.gpg"),
        ("/etc/apt/sources.list.d/a.list", "deb [signed-by=/other.gpg] https://mirror.test/tools stable main", "signed by"),
        ("/etc/apt/sources.list.d/z.list", "deb https://mirror.test/tools stable main", "without a key"),
        ("/etc/apt/sources.list", "deb https://mirror.test/tools stable main", ""),
        ("/etc/apt/sources.list", f"deb [signed-by={KEY}] https://mirror.test/tools stable main", ""),
        ("/etc/apt/sources.list.d/a.list", "deb [signed-by=/other.gpg] https://mirror.test/tools testing main", ""),
        ("/etc/apt/sources.list.d/a.list", "# deb [signed-by=/other.gpg] https://mirror.test/tools stable main", ""),
    ],
)
def test_another_file_for_the_same_place(path: str, text: str, refused: str, host: FakeHost) -> None:
    host.put_file(path, f"{text}\n".encode())
    if not refused:
        converge(WANT, host)
        return
    with pytest.raises(ProvisionError, match=refused) as caught:
        plan(WANT, host)
    assert f"`{path}` names" in caught.value.message
    assert path in caught.value.hint
    assert host.lstat(SOURCE) is None
    pending = Pending()
    pending.add(File(path=path, absent=True))
    assert not plan(WANT, host, pending).ok


def test_a_no_op_asks_no_program(host: FakeHost) -> None:
    converge(WANT, host)
    host.calls.clear()
    assert plan(WANT, host).ok
    assert host.calls["query"] == 0
