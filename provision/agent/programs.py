"""Running programs: an environment from scratch, a session of their own, bounded output, a deadline for the whole group."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from provision.agent.host import Account, Output
from provision.errors import UnreadableError

if TYPE_CHECKING:
    import subprocess

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
_TICK = 0.1
_CHUNK = 1 << 16
_DRAIN = 0.5
"""Seconds left to read what an ended program wrote, while a daemon it started may keep the pipe open."""
_MOST = 1 << 24
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
_OWN = (
    *_PROXIES,
    *(name.upper() for name in _PROXIES),
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "CURL_CA_BUNDLE",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_TRUSTED_HOST",
)

Sink = Callable[[bytes], None]


def parse_environment(text: bytes) -> dict[str, str]:
    """Return the assignments of /etc/environment (pam_env's rules: `export`, quotes, `#`)."""
    found = {}
    for line in text.decode("utf-8", "replace").splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        value = value.strip()
        if equals and name.strip() and not name.startswith("#"):
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[name.strip()] = value[1:-1] if quoted else value
    return found


def machine_settings(etc_environment: bytes, own: Mapping[str, str]) -> dict[str, str]:
    """Return how this machine reaches the network: proxies in both cases, certificates, pip's and uv's indexes."""
    both = {**parse_environment(etc_environment), **own}
    kept = {name: value for name, value in both.items() if value and (name in _OWN or name.startswith("UV_"))}
    for name in _PROXIES:
        value = kept.get(name) or kept.get(name.upper())
        if value:
            kept[name] = kept[name.upper()] = value
    return kept


def environment(account: Account, settings: Mapping[str, str], extra: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    """Return the whole environment of a child of `account`."""
    return {
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "HOME": account.home,
        "USER": account.name,
        "LOGNAME": account.name,
        "DEBIAN_FRONTEND": "noninteractive",
        "NEEDRESTART_SUSPEND": "1",
        **settings,
        **dict(extra),
    }


def identity(account: Account, groups: Mapping[str, int]) -> tuple[int, int, list[int]] | None:
    """Return uid, gid and supplementary gids to become, or `None` when that is who we are."""
    if account.uid == os.geteuid():
        return None
    return account.uid, account.gid, [groups[name] for name in account.groups if name in groups]


def start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    who: tuple[int, int, list[int]] | None = None,
    cwd: str = "/",
    stdin: str = "",
    merged: bool = True,
    pass_fds: Sequence[int] = (),
    before: Callable[[], None] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own, with pipes for its output and nothing to read but `stdin`.

    `before` runs in the child, as root, before it becomes `who`.
    """
    import subprocess

    def prepare() -> None:
        if before:
            before()
        if who:
            os.setgroups(who[2])
            os.setresgid(who[1], who[1], who[1])
            os.setresuid(who[0], who[0], who[0])

    source = _stdin(stdin)
    ids = {} if before or who is None else {"user": who[0], "group": who[1], "extra_groups": who[2]}
    try:
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # the ids travel as a dict
            list(argv),
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            umask=0o022,
            pass_fds=tuple(pass_fds),
            preexec_fn=prepare if before else None,  # noqa: PLW1509 - the agent has one thread
            **ids,
        )
    finally:
        os.close(source)


def _stdin(text: str) -> int:
    """Return a descriptor that reads as `text`: in memory, never a pipe that could fill up."""
    if not text:
        return os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    fd = os.memfd_create("stdin", os.MFD_CLOEXEC)
    data = memoryview(text.encode("utf-8", "surrogateescape"))
    while data:
        data = data[os.write(fd, data) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def follow(process: subprocess.Popen[bytes], sinks: Mapping[int, Sink], timeout: float) -> bool:
    """Feed what comes from each descriptor to its sink until the program ends; whether it did so within `timeout` seconds.

    Afterwards `process.returncode` is set. A program that is late is terminated with its whole group.
    """
    deadline, late = time.monotonic() + timeout, False
    reading = _Reading(sinks)
    try:
        while not _ended(process.pid):
            left = deadline - time.monotonic()
            if left <= 0:
                _signal(process.pid, kill=late)
                deadline, late = time.monotonic() + GRACE, True
            reading.wait(min(max(left, 0), _TICK))
        if late:
            # The leader, not yet reaped, keeps the group's number from being used by others.
            _signal(process.pid, kill=True)
        reading.rest()
    except BaseException:
        _stop(process.pid)
        raise
    finally:
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
    return not late


class _Reading:
    """Descriptors with something to say, until each has ended."""

    def __init__(self, sinks: Mapping[int, Sink]) -> None:
        import select

        self._sinks = dict(sinks)
        self._nap = 0.0005
        self._poll = select.poll()
        for fd in sinks:
            self._poll.register(fd, select.POLLIN)

    def wait(self, seconds: float) -> bool:
        """Feed what comes within `seconds`; whether anything did."""
        if not self._sinks:
            # Nearly always it ends at once after closing its output; one that goes on is asked less and less often.
            time.sleep(min(seconds, self._nap))
            self._nap = min(self._nap * 2, _TICK)
            return False
        some = False
        for fd, _ in self._poll.poll(seconds * 1000):
            data = os.read(fd, _CHUNK)
            if data:
                some = True
                self._sinks[fd](data)
            else:
                self._poll.unregister(fd)
                del self._sinks[fd]
        return some

    def rest(self) -> None:
        """Feed what is there already."""
        end = time.monotonic() + _DRAIN
        while self._sinks and time.monotonic() < end and self.wait(0):
            pass


def _ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _signal(pid: int, *, kill: bool) -> None:
    import signal

    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL if kill else signal.SIGTERM)


def _stop(pid: int) -> None:
    """Terminate a group, and kill it when it does not end in time."""
    end = time.monotonic() + GRACE
    _signal(pid, kill=False)
    while not _ended(pid) and time.monotonic() < end:
        time.sleep(_TICK)
    _signal(pid, kill=True)


def capture(process: subprocess.Popen[bytes], argv: Sequence[str], timeout: float) -> Output:
    """Return all a short program prints; raises `UnreadableError` when it is late or prints without end."""
    out, err = bytearray(), bytearray()
    assert process.stdout  # noqa: S101 - `start` made the pipes
    assert process.stderr  # noqa: S101 - as above

    def keep(store: bytearray) -> Sink:
        def sink(data: bytes) -> None:
            if len(store) + len(data) > _MOST:
                raise UnreadableError(f"`{argv[0]}` printed more than {_MOST >> 20} MiB")
            store.extend(data)

        return sink

    if not follow(process, {process.stdout.fileno(): keep(out), process.stderr.fileno(): keep(err)}, timeout):
        raise UnreadableError(f"`{' '.join(argv)}` did not answer within {timeout:g} s", hint=f"run `{' '.join(argv)}` by hand")
    return Output(code=process.returncode, stdout=out.decode("utf-8", "replace"), stderr=err.decode("utf-8", "replace"))
