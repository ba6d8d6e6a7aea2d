from __future__ import annotations

import fcntl
import os
import signal
import time
from pathlib import Path

import pytest

from provision.agent import programs
from provision.agent.apt_locks import LOCKS, command_of, holder
from provision.agent.steps import Run
from provision.errors import StepError
from tests.unit.agent.machine_tree import Tree


def sh(script: str, **more: object) -> Run:
    return Run(argv=("sh", "-c", script), **more)  # type: ignore[arg-type] # fields of the step


def failed(tree: Tree, step: Run, **options: object) -> StepError:
    with pytest.raises(StepError) as caught:
        tree.writer(**options).perform(step)
    return caught.value


def output(tree: Tree, script: str, **more: object) -> str:
    return failed(tree, sh(f"{script}; exit 9", **more)).evidence


def test_a_failure_is_explained_in_the_programs_own_words(tree: Tree) -> None:
    error = failed(tree, sh("echo out; echo err >&2; exit 3"))
    assert "failed with exit code 3" in error.message
    assert error.evidence == "out\nerr"
    assert "by hand" in error.hint
    tree.writer().perform(sh("exit 3", accept=(0, 3)))


def test_signals_and_missing_programs_are_named(tree: Tree) -> None:
    assert "ended by SIGKILL" in failed(tree, sh("kill -9 $$")).message
    assert failed(tree, Run(argv=("no-such-program",))).message == "`no-such-program` is not installed"
    assert "no such directory" in failed(tree, Run(argv=("true",), cwd="/no/such")).message
    assert "permission denied" in failed(tree, Run(argv=("/etc/passwd",))).message
    assert "there is no user `ghost`" in failed(tree, sh("true", user="ghost")).message


def test_the_environment_is_made_from_scratch(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "1")
    monkeypatch.setenv("LD_PRELOAD_X", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://mirror.test/simple")
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "7")
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    tree.put("/etc/environment", 'HTTPS_PROXY="http://proxy.test:3128"\nexport no_proxy=localhost\n# X=1\nOTHER=1\nbroken\n')
    lines = dict(line.split("=", 1) for line in output(tree, "env", environment=(("OWN", "yes"),)).splitlines())
    for name in ("PWD", "SHLVL", "_", "OLDPWD"):
        lines.pop(name, None)
    own = {name: value for name, value in lines.items() if not name.startswith(("UV_", "PIP_", "SSL_", "REQUESTS_", "CURL_"))}
    assert own == {
        "PATH": programs.PATH,
        "LANG": "C.UTF-8",
        "HOME": tree.writer().accounts()[tree.me].home,
        "USER": tree.me,
        "LOGNAME": tree.me,
        "DEBIAN_FRONTEND": "noninteractive",
        "NEEDRESTART_SUSPEND": "1",
        "https_proxy": "http://proxy.test:3128",
        "HTTPS_PROXY": "http://proxy.test:3128",
        "no_proxy": "localhost",
        "NO_PROXY": "localhost",
        "OWN": "yes",
    }
    assert (lines["PIP_INDEX_URL"], lines["UV_HTTP_TIMEOUT"]) == ("http://mirror.test/simple", "7")


def test_stdin_is_the_text_or_nothing(tree: Tree) -> None:
    assert output(tree, "cat; echo end") == "end"
    assert output(tree, "wc -c", stdin="x" * 300_000) == "300000"


def test_it_has_a_session_and_a_umask_of_its_own(tree: Tree) -> None:
    os.umask(0o077)
    pid, session, umask = output(tree, "echo $$; ps -o sid= -p $$; umask").split()
    os.umask(0o022)
    assert pid == session
    assert umask == "0022"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: becoming another user")
def test_another_user_has_its_own_ids_groups_and_home(tree: Tree) -> None:
    tree.put("/etc/group", "root:x:0:\nnobody:x:65534:\nextra:x:4321:nobody\n")
    assert output(tree, "id -u; id -g; id -G; echo $HOME $USER", user="nobody").splitlines() == [
        "65534",
        "65534",
        "65534 4321",
        "/home/nobody nobody",
    ]


def test_endless_output_costs_no_memory_and_keeps_its_end(tree: Tree) -> None:
    lines = output(tree, "head -c 30000000 /dev/zero | tr '\\0' x; echo; seq 1000").splitlines()
    assert len(lines) == 40
    assert lines[-1] == "1000"


def test_secrets_leave_neither_in_evidence_nor_in_the_message(tree: Tree) -> None:
    said = []
    writer = tree.writer(secrets=("hunter2",))
    writer.on_progress = lambda *what: said.append(what)
    with pytest.raises(StepError) as caught:
        writer.perform(sh("echo pass hunter2; exit 1 # hunter2", says="with hunter2"))
    error = caught.value
    assert "hunter2" not in f"{error.message}{error.hint}{error.evidence}{said}"
    assert error.evidence == "pass ***"


@pytest.mark.parametrize("leader", ["trap '' TERM", "true"])
def test_a_timeout_stops_the_whole_group(tree: Tree, monkeypatch: pytest.MonkeyPatch, leader: str) -> None:
    monkeypatch.setattr(programs, "GRACE", 0.3)
    marker = tree.at("/etc/marker")
    script = f"{leader}; echo begun; (trap '' TERM; sleep 2; touch {marker}) & sleep 30"
    began = time.monotonic()
    error = failed(tree, sh(script, timeout=1))
    assert time.monotonic() - began < 4
    assert "did not end within 1 s and was stopped" in error.message
    assert error.evidence == "begun\n(stopped)"
    time.sleep(1.2)
    assert not marker.exists()


def test_a_daemon_that_keeps_the_pipe_open_does_not_hold_us_up(tree: Tree) -> None:
    pidfile = tree.at("/etc/pid")
    began = time.monotonic()
    assert (
        output(
            tree, f"setsid sh -c 'echo $$ > {pidfile}; exec sleep 20' & echo parent; until test -s {pidfile}; do sleep 0.1; done"
        )
        == "parent"
    )
    assert time.monotonic() - began < 15
    os.kill(int(pidfile.read_text()), signal.SIGKILL)


def test_an_interrupt_ends_the_child_too(tree: Tree) -> None:
    writer = tree.writer()
    pidfile = tree.at("/etc/pid")

    def interrupt(says: str, *_: object) -> None:
        if says == "line":
            raise KeyboardInterrupt

    writer.on_progress = interrupt
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        writer.perform(sh(f"echo $$ > {pidfile}; echo line; exec sleep 9", progress="uv"))
    assert time.monotonic() - began < 5
    with pytest.raises(ProcessLookupError):
        os.kill(int(pidfile.read_text()), 0)


def test_uv_shows_its_last_line(tree: Tree) -> None:
    said = []
    writer = tree.writer()
    writer.on_progress = lambda *what: said.append(what)
    writer.perform(sh("echo Resolved >&2; echo Prepared >&2", says="installing", progress="uv"))
    assert said == [("installing", None, None, None), ("Resolved", None, None, None), ("Prepared", None, None, None)]


def test_apt_reports_real_fractions(tree: Tree) -> None:
    fake = tree.put(
        "/bin/apt-get",
        '#!/bin/bash\n[ "$1" = -o ] && fd=${2#APT::Status-Fd=} || exit 8\n[ "$3" = install ] || exit 7\n'
        'eval "exec 9>&$fd"\necho dlstatus:1:50:x >&9\necho pmstatus:hello:100:Installed hello >&9\n',
        mode=0o755,
    )
    said = []
    writer = tree.writer()
    writer.on_progress = lambda says, fraction, *_: said.append((says, fraction))
    writer.perform(Run(argv=(str(fake), "install", "hello"), says="installing", progress="apt"))
    assert said == [("installing", None), ("downloading", 0.5), ("installed hello", 1.0)]


class Held:
    """A lock of apt that another process holds, as dpkg does."""

    def __init__(self, path: Path, seconds: float) -> None:
        ready, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            with path.open("w") as file:
                fcntl.lockf(file, fcntl.LOCK_EX)
                os.write(write, b"x")
                time.sleep(seconds)
            os._exit(0)
        os.close(write)
        os.read(ready, 1)
        os.close(ready)

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@pytest.mark.parametrize("lock", LOCKS)
def test_apt_waits_for_each_of_its_locks(tree: Tree, lock: str) -> None:
    path = tree.put(lock)
    assert holder(str(path)) is None
    held = Held(path, 0.3)
    assert holder(str(path)) == held.pid
    said = []
    writer = tree.writer()
    writer.on_progress = lambda says, *_: said.append(says)
    writer.perform(sh("true", progress="apt"))
    held.end()
    assert any(says.startswith(f"waiting for apt (pid {held.pid}, ") for says in said)


def test_a_lock_that_is_never_released_names_its_holder(tree: Tree) -> None:
    held = Held(tree.put("/var/lib/apt/lists/lock"), 30)
    error = failed(tree, sh("touch /never", progress="apt"), lock_timeout=0.3)
    assert f"pid {held.pid} (`{command_of(held.pid)}`)" in error.message
    assert error.hint.startswith(f"`ps -fp {held.pid}`")
    held.end()


def test_a_lock_taken_in_between_is_waited_for_too(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("provision.agent.children.time.sleep", slept.append)
    count = tree.at("/etc/count")
    script = f"echo x >> {count}; test $(wc -l < {count}) = 3 || {{ echo 'E: Could not get lock /var/lib'; exit 100; }}"
    tree.writer().perform(sh(script, progress="apt"))
    assert len(count.read_text().split()) == 3
