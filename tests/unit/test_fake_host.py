"""The machine in memory that all provider tests stand on: it must refuse what a real one refuses."""

from __future__ import annotations

import hashlib

import pytest

from provision.agent.host import Reader, Writer
from provision.agent.steps import (
    Fetch,
    FetchKey,
    MakeDirectory,
    MakeLink,
    Remember,
    Remove,
    RemoveTree,
    Report,
    RequestReboot,
    Run,
    SetAttributes,
    Step,
    Write,
    WriteRandom,
)
from provision.errors import StepError, UnreadableError
from tests.converge import LOOKS, read_only
from tests.fake_host import FakeHost
from tests.keys import ARCHIVE, ARCHIVE_FINGERPRINT


def write(path: str, content: bytes = b"new\n", owner: str = "root", validate: tuple[str, ...] = ()) -> Write:
    return Write(path=path, content=content, mode=0o644, owner=owner, group="root", validate=validate)


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    host.put_file("/etc/a", b"old\n")
    host.put_directory("/etc/d")
    host.put_file("/etc/d/x")
    host.put_link("/etc/l", "d")
    host.put_other("/etc/fifo")
    host.web["http://mirror.test/x"] = b"bytes"
    host.web["http://mirror.test/key"] = ARCHIVE.encode()
    return host


def fetch(sha256: str) -> Fetch:
    return Fetch(url="http://mirror.test/x", path="/etc/new", sha256=sha256, size=5, mode=0o644, owner="root", group="root")


def fetch_key(fingerprint: str, url: str = "http://mirror.test/key") -> FetchKey:
    return FetchKey(url=url, path="/etc/new", fingerprint=fingerprint)


GOOD = hashlib.sha256(b"bytes").hexdigest()

DONE: list[tuple[Step, str]] = [
    (write("/etc/a"), "/etc/a"),
    (write("/etc/l/new"), "/etc/d/new"),
    (write("/etc/l"), "/etc/l"),
    (WriteRandom(path="/etc/r", length=24, mode=0o600, owner="root", group="root"), "/etc/r"),
    (MakeDirectory(path="/etc/n", mode=0o700, owner="root", group="root"), "/etc/n"),
    (SetAttributes(path="/etc/a", mode=0o600, owner="root", group="root"), "/etc/a"),
    (MakeLink(path="/etc/l", target="a", owner="root", group="root"), "/etc/l"),
    (Remove(path="/etc/a"), ""),
    (RemoveTree(path="/etc/d"), ""),
    (fetch(GOOD), "/etc/new"),
    (fetch_key(ARCHIVE_FINGERPRINT), "/etc/new"),
]

REFUSED: list[tuple[Step, str]] = [
    (write("/etc/d"), "a directory is at"),
    (write("/etc/none/x"), "parent is missing"),
    (write("/etc/a/x"), "parent is a file"),
    (write("/etc/a", owner="nobody-here"), "no user"),
    (write("/etc/a", validate=("visudo", "-cf", "{}")), "`visudo` refuses"),
    (WriteRandom(path="/etc/a", length=24, mode=0o600, owner="root", group="root"), "a file is at"),
    (MakeDirectory(path="/etc/n/m", mode=0o700, owner="root", group="root"), "parent is missing"),
    (MakeDirectory(path="/etc/d", mode=0o700, owner="root", group="root"), "a directory is at"),
    (SetAttributes(path="/etc/none", mode=0o600, owner="root", group="root"), "nothing is there"),
    (MakeLink(path="/etc/a", target="x", owner="root", group="root"), "a file is there"),
    (Remove(path="/etc/none"), "nothing is at"),
    (Remove(path="/etc/d"), "not empty"),
    (Remove(path="/etc/fifo"), "neither a file"),
    (RemoveTree(path="/etc/a"), "not a directory"),
    (fetch("0" * 64), "another sha256"),
    (fetch_key("0" * 40), "has the fingerprint"),
    (fetch_key("0" * 40, "http://mirror.test/none"), "404"),
    (Run(argv=("false",)), "exited with 1"),
]


@pytest.mark.parametrize(("step", "at"), DONE)
def test_a_step_changes_the_machine_once(host: FakeHost, step: Step, at: str) -> None:
    before = host.snapshot()
    host.perform(step)
    assert host.snapshot() != before
    assert host.steps == [step]
    if at:
        node = host.tree.get(at)
        assert node is not None
        assert node.ctime_ns == host.now_ns()


@pytest.mark.parametrize(("step", "says"), REFUSED)
def test_a_refused_step_changes_nothing(host: FakeHost, step: Step, says: str) -> None:
    host.refused["visudo"] = "syntax error"
    host.on(("false",), 1)
    before = host.snapshot()
    with pytest.raises(StepError, match=says):
        host.perform(step)
    assert host.snapshot() == before


def test_what_a_run_does_is_said_by_the_test(host: FakeHost) -> None:
    def install(step: Run, host: FakeHost) -> int:
        host.add_deb(step.argv[-1])
        return 0

    host.on(("apt-get",), 100)
    host.on(("apt-get", "install"), install)
    host.perform(Run(argv=("apt-get", "install", "curl")))
    assert host.debs()["curl"].status == "installed"
    host.perform(Run(argv=("apt-get", "update"), accept=(0, 100)))
    with pytest.raises(AssertionError, match="no test registered"):
        host.perform(Run(argv=("dpkg", "-i")))


def test_queries_and_guards_answer_only_what_was_registered(host: FakeHost) -> None:
    host.answer(("apt-mark",), "held\n")
    assert host.query(("apt-mark", "showhold"), user="root").stdout == "held\n"
    assert host.queries == [(("apt-mark", "showhold"), "root")]
    for look in (host.query, host.guard):
        with pytest.raises(AssertionError, match="no test registered"):
            look(("test", "-e", "/x"))


def test_the_rest_is_kept(host: FakeHost) -> None:
    host.perform(Remember(name="n", value="v"))
    host.perform(Report(name="lock", subject="torch", path="/etc/a"))
    host.perform(RequestReboot(because="new driver"))
    assert (host.recall("n"), len(host.reports), host.reboot_requested) == ("v", 1, "new driver")
    boot, began = host.boot_id(), host.boot_time_ns()
    host.reboot()
    assert host.boot_id() != boot
    assert host.boot_time_ns() > began
    assert not host.reboot_requested


def test_unreadable_is_neither_absent_nor_empty(host: FakeHost) -> None:
    host.unreadable = {"/etc/a", "/etc/d"}
    assert host.lstat("/etc/a") is not None
    for look, path in ((host.read, "/etc/a"), (host.sha256, "/etc/a"), (host.listdir, "/etc/d"), (host.lstat, "/etc/d/x")):
        with pytest.raises(UnreadableError):
            look(path)
    for path in ("/etc/fifo", "/etc/l"):
        with pytest.raises(UnreadableError):
            host.read(path)
    with pytest.raises(UnreadableError):
        host.sha256("/etc/d/x")
    host.put_file("/etc/long", b"12345")
    with pytest.raises(UnreadableError, match="larger than 4"):
        host.read("/etc/long", limit=4)
    assert host.read("/etc/none") is None


def test_a_reader_has_no_verb_that_writes(host: FakeHost) -> None:
    writer: Writer = host
    reader: Reader = read_only(host)
    assert {"lstat", "query", "now_ns"} <= LOOKS
    assert reader.read("/etc/a") == writer.read("/etc/a") == b"old\n"
    for verb in ("perform", "tree", "put_file", "state"):
        assert verb not in LOOKS
        with pytest.raises(AttributeError):
            getattr(reader, verb)
    # mypy itself fails here should `Reader` ever get the verb: the ignore would be unused.
    with pytest.raises(AttributeError):
        reader.perform(Remove(path="/etc/a"))  # type: ignore[attr-defined]
    assert host.steps == []
