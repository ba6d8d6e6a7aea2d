from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.agent.reader import MachineReader
from provision.agent.readonly import SCRATCH, forbid_growth, make_read_only
from provision.errors import UnreadableError

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a mount namespace of its own")


def in_child(work: Callable[[], str]) -> str:
    """Return what `work` says in a forked child; its own changes of the process die with it."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            said = work()
        except BaseException as error:  # noqa: BLE001 - told to the parent
            said = f"raised {error!r}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


def attempt(work: Callable[[], object]) -> str:
    try:
        work()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


@needs_root
def test_the_kernel_refuses_every_write(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("before")
    hostname = Path("/proc/sys/kernel/hostname")

    def work() -> str:
        if not make_read_only():
            return "skip"
        tries: list[Callable[[], object]] = [
            lambda: file.write_text("after"),
            lambda: (tmp_path / "new").write_text("x"),
            file.unlink,
            lambda: file.chmod(0o600),
            lambda: os.chown(file, 1, 1),
            lambda: os.utime(file),
            lambda: (tmp_path / "link").symlink_to("a"),
            (tmp_path / "dir").mkdir,
            # what is there already: were the wall broken, this machine would still be as it was
            lambda: os.close(os.open("/etc/hostname", os.O_WRONLY | os.O_APPEND)),
            lambda: hostname.write_text(hostname.read_text()),
        ]
        good: list[Callable[[], object]] = [
            lambda: Path("/dev/null").write_text("x"),
            file.read_text,
            lambda: Path(SCRATCH, "x").write_text("x"),
        ]
        return " ".join([attempt(one) for one in tries] + [attempt(one) for one in good])

    said = in_child(work)
    if said == "skip":
        pytest.skip("this kernel or container does not allow it")
    assert said == " ".join(["EROFS"] * 10 + ["done"] * 3)
    assert file.read_text() == "before"
    assert not Path(SCRATCH, "x").exists()


@needs_root
def test_looking_still_works_afterwards() -> None:
    def work() -> str:
        if not make_read_only():
            return "skip"
        host = MachineReader()
        answers = [
            host.query(("dpkg-query", "-W", "dpkg")).code,
            host.query(("apt-cache", "policy", "dpkg")).code,
            host.query(("systemctl", "is-system-running")).code != 127,
            len(host.debs()) > 0,
        ]
        return repr(answers)

    said = in_child(work)
    if said == "skip":
        pytest.skip("this kernel or container does not allow it")
    assert said == "[0, 0, True, True]"


@needs_root
def test_a_guard_looks_and_cannot_write(tmp_path: Path) -> None:
    target = tmp_path / "made"
    host = MachineReader()
    answer = host.guard(("sh", "-c", f"echo x > {target}"))
    assert answer.code != 0
    assert "Read-only" in answer.stderr or "too large" in answer.stderr
    assert not target.exists()
    assert host.guard(("sh", "-c", "echo out; echo x >/dev/null; echo err >&2; exit 3")).stdout == "out\n"
    assert host.guard(("id", "-un"), user="nobody").stdout == "nobody\n"
    assert host.guard(("sh", "-c", f"rm -rf {tmp_path}")).code != 0
    assert tmp_path.exists()


def test_a_guard_that_is_missing_late_or_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    host = MachineReader()
    assert host.guard(("no-such-program",)).code == 127
    with pytest.raises(UnreadableError, match=r"did not answer within 0\.2 s"):
        host.guard(("sleep", "30"), timeout=0.2)  # type: ignore[arg-type] # tests have no whole second to wait
    monkeypatch.setattr("provision.agent.programs._MOST", 1000)
    with pytest.raises(UnreadableError, match="printed more than"):
        host.guard(("yes",))
    with pytest.raises(UnreadableError, match="no user"):
        host.guard(("true",), user="no-such-user")


def test_without_namespaces_files_cannot_grow(tmp_path: Path) -> None:
    target = tmp_path / "file"

    def work() -> str:
        forbid_growth()
        return attempt(lambda: target.write_text("x"))

    assert in_child(work) == "EFBIG"
    assert target.read_text() == ""


def test_it_says_so_when_the_kernel_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def unshare(self, _flags: int) -> int:
            return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Refusing())
    assert make_read_only() is False
