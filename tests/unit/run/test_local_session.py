"""A real agent on this machine, which it only looks at: in its own process, as whoever tests or as nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from provision.catalog.model import Catalog, Entry
from provision.errors import Exit, ProvisionError, UnreachableError
from provision.plan.model import Plan, Status
from provision.resources import Directory, File, Link
from provision.run.session import Session, open_session
from provision.transports.local import SYSTEM_PYTHON, Local, LocalStream
from tests.unit.agent.things import check

pytestmark = pytest.mark.skipif(not os.access(SYSTEM_PYTHON, os.X_OK), reason=f"the agent runs on {SYSTEM_PYTHON}")


class Nobody:
    """This machine, for a user without any rights."""

    name = "prometheus"
    remote = False
    stream: LocalStream | None = None

    def start(self, command: str) -> LocalStream:
        program = command[command.index("'") + 1 : command.rindex("'")]
        drop = [] if os.geteuid() else ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        self.stream = LocalStream([*drop, SYSTEM_PYTHON, "-ISc", program])
        return self.stream


class Broken:
    """A machine whose shell says something and ends."""

    name = "prometheus"
    remote = False

    def __init__(self, script: str) -> None:
        self._script = script

    def start(self, _command: str) -> LocalStream:
        return LocalStream(["/bin/sh", "-c", self._script])


def opened(transport: Local | Nobody | Broken) -> Session:
    return open_session(transport, sudo=False, password="", ask=lambda _host: "")


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with opened(Local()) as made:
        yield made


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def wanted(folder: Path) -> Catalog:
    resources = (
        Directory(path=f"{folder}/new"),
        File(path=f"{folder}/new/file", content="x\n"),
        Link(path=f"{folder}/there", target="/etc"),
    )
    (folder / "there").symlink_to("/etc")
    entries = tuple(Entry(role="base", resource=resource) for resource in resources)
    return Catalog(entries=entries, checks=(check("lives", "echo", "alive"), check("fails", "false")))


def can_be_made_read_only() -> bool:
    """Ask a process of its own: whoever succeeds could write nothing any more."""
    code = "from provision.agent.readonly import make_read_only; print(make_read_only())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"


def test_facts_are_this_machines(session: Session) -> None:
    assert session.facts.hostname
    assert session.facts.kernel.running == os.uname().release


def test_a_plan_is_made_where_nothing_can_be_written(session: Session, folder: Path) -> None:
    plan = session.plan(wanted(folder))
    statuses = {entry.key.rpartition("/")[2]: entry.diff.status for entry in plan.entries}
    assert statuses["new"] is Status.CHANGE
    assert statuses["file"] is Status.CHANGE
    assert session.enforced == can_be_made_read_only()
    assert plan.free_bytes
    assert sorted(path.name for path in folder.iterdir()) == ["there"]


def test_checks_run_and_tell(session: Session, folder: Path) -> None:
    session.plan(wanted(folder))
    told: list[str] = []
    verdicts = session.check(lambda event: told.append(event["event"]))
    assert [(verdict.name, verdict.outcome.value, verdict.evidence) for verdict in verdicts] == [
        ("lives", "passed", "alive"),
        ("fails", "failed", ""),
    ]
    assert told == ["check-started", "verdict"] * 2


def test_what_is_in_the_way_is_told_and_the_session_goes_on(session: Session, folder: Path) -> None:
    (folder / "file").mkdir()
    in_the_way = Catalog(entries=(Entry(role="base", resource=File(path=f"{folder}/file", content="x")),))
    with pytest.raises(ProvisionError, match="base · file:"):
        session.plan(in_the_way)
    assert session.plan(Catalog()).entries == ()


def test_a_run_nobody_knows(session: Session) -> None:
    with pytest.raises(ProvisionError, match="no run `20000101-000000-0000` on this machine") as caught:
        session.attach("20000101-000000-0000")
    assert caught.value.exit is Exit.BAD_INPUT


def test_another_plan_than_the_one_shown_is_refused(session: Session, folder: Path) -> None:
    session.plan(wanted(folder))
    with pytest.raises(ProvisionError, match="is not the plan that was shown"):
        session.go(Plan(entries=()))
    assert not (folder / "new").exists()


def test_without_root_a_plan_is_shown_and_never_applied(folder: Path) -> None:
    with opened(Nobody()) as session:
        plan = session.plan(wanted(folder))
        assert plan.pending
        assert not session.enforced or can_be_made_read_only()
        with pytest.raises(ProvisionError, match="changing this machine needs root") as caught:
            session.go(plan)
        assert caught.value.exit is Exit.BAD_INPUT
        assert not (folder / "new").exists()


def test_a_link_that_is_lost_says_so() -> None:
    transport = Nobody()
    session = opened(transport)
    assert transport.stream
    os.killpg(transport.stream._child.pid, signal.SIGKILL)
    with pytest.raises(UnreachableError, match="the connection to prometheus ended"):
        session.plan(Catalog())
    session.__exit__()


def test_a_machine_without_python() -> None:
    with pytest.raises(UnreachableError, match="prometheus has no `python3`") as caught:
        opened(Broken("echo 'sh: 1: /usr/bin/python3: not found' >&2; exit 127"))
    assert "apt-get install -y python3" in caught.value.hint
