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
from tests.keys import ARCHIVE, ARCHIVE_FINGERPRINT, OTHER, OTHER_FINGERPRINT
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
URL = "https://mirror.test/key.pub"
FETCHED = replace(WANT, key_text="", key_url=URL)
WANTED = {"own key": WANT, "a keyring": RING, "a key's address": FETCHED, "absent": AptSource(name="tools", absent=True)}
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
    host.web[URL] = f"some words\n{ARCHIVE}".encode()
    Apt(host)
    return host


RENEWED = ARCHIVE.replace("-----\n\n", "-----\nComment: renewed\n\n", 1)
FILES = {
    "source edited": {SOURCE: b"Types: deb\n"},
    "key edited": {KEY: b"other\n"},
    "both edited": {SOURCE: b"Types: deb\n", KEY: b"other\n"},
    "key renewed": {KEY: RENEWED.encode()},
    "key another's": {KEY: OTHER.encode()},
}
GONE = {"source gone": SOURCE, "key gone": KEY}
CLOSED = {"modes wrong": SOURCE, "key's mode wrong": KEY}


def prepare(prior: str, want: AptSource, host: FakeHost) -> None:
    if prior == "nothing":
        return
    Apt(host)
    converge(WANT if want.absent else want, host)
    host.steps.clear()
    if prior not in {"key edited", "both edited", "key gone", "key another's"}:
        host.web.clear()  # whoever has the key does not ask for it
    if prior == "index lost":
        host.state.clear()
    for path, data in FILES.get(prior, {}).items():
        host.put_file(path, data)
    if prior in GONE:
        host.tree.drop(GONE[prior])
    if prior in CLOSED:
        host.put_file(CLOSED[prior], host.text(CLOSED[prior]).encode(), mode=0o600)


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
    "a key's address": {
        "nothing": f"~ key fingerprint file index > FetchKey Write {UPDATE}",
        "right": READY,
        "index lost": f"~ index > {UPDATE}",
        "source edited": f"~ content > Write {UPDATE}",
        "key edited": f"~ key fingerprint > FetchKey {UPDATE}",
        "both edited": f"~ key fingerprint content > FetchKey Write {UPDATE}",
        "source gone": f"~ file > Write {UPDATE}",
        "modes wrong": f"~ mode > SetAttributes {UPDATE}",
        "key renewed": READY,
        "key gone": f"~ key fingerprint > FetchKey {UPDATE}",
        "key another's": f"~ key fingerprint > FetchKey {UPDATE}",
        "key's mode wrong": f"~ key mode > SetAttributes {UPDATE}",
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
    if wanted == "own key" or (wanted == "a key's address" and prior != "key renewed"):
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


@pytest.mark.parametrize(
    ("served", "message"),
    [
        (OTHER.encode(), f"has the fingerprint {OTHER_FINGERPRINT}, {ARCHIVE_FINGERPRINT} is expected"),
        (b"<!DOCTYPE html>\n<html>please log in</html>", "a web page came instead of a key"),
        (ARCHIVE[:200].encode(), "no complete public key block"),
        (b"", "one armoured block is expected"),
        (None, "404"),
    ],
)
@pytest.mark.parametrize("prior", ["nothing", "another key"])
def test_a_wrong_answer_for_the_key_leaves_all_as_it_was(prior: str, served: bytes | None, message: str, host: FakeHost) -> None:
    if prior == "another key":
        host.put_file(KEY, OTHER.encode())
    host.web.clear()
    if served is not None:
        host.web[URL] = served
    before = host.snapshot()
    with pytest.raises(StepError, match=message):
        converge(FETCHED, host)
    assert host.snapshot() == before


def test_an_update_that_fails_after_a_key_was_replaced_is_tried_again(host: FakeHost) -> None:
    host.web[URL] = OTHER.encode()
    converge(replace(FETCHED, fingerprint=OTHER_FINGERPRINT), host)
    host.web[URL] = ARCHIVE.encode()
    Apt(host, broken_update=True)
    with pytest.raises(StepError):
        converge(FETCHED, host)
    assert [change.field for change in plan(FETCHED, host).changes] == ["index"]


def test_a_source_with_an_address_of_its_key_is_removed_with_it(host: FakeHost) -> None:
    converge(FETCHED, host)
    host.web.clear()
    converge(replace(FETCHED, absent=True), host)
    assert (host.lstat(SOURCE), host.lstat(KEY)) == (None, None)


def test_the_plan_names_both_fingerprints(host: FakeHost) -> None:
    host.put_file(KEY, OTHER.encode())
    change = plan(FETCHED, host).changes[0]
    assert (change.field, change.before, change.after) == ("key fingerprint", OTHER_FINGERPRINT, ARCHIVE_FINGERPRINT)


def test_a_directory_in_the_keys_place_is_refused(host: FakeHost) -> None:
    host.put_directory(KEY)
    assert outcome(FETCHED, host) == f"! `{KEY}` is a directory, not a file"


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
