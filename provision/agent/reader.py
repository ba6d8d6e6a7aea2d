"""The real machine, to look at: every method of `Reader`, and no other."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable, Mapping, Sequence

from provision.agent.accounts import Accounts
from provision.agent.attributes import stat_of
from provision.agent.dpkg import STATUS, UPDATES, debs
from provision.agent.host import Account, Deb, Output, Stat, UnitState
from provision.agent.paths import Paths, unreadable
from provision.agent.queries import allowed
from provision.errors import UnreadableError
from provision.resources.base import Blob

ABSENT = (FileNotFoundError, NotADirectoryError)
_CHUNK = 1 << 18
_NOT_FOUND = 127
"""What a shell says when there is no such program."""


def state_name(name: str) -> str:
    """Return the file name under which `name` is remembered: never hidden, never a path."""
    safe = "".join(
        c if (c.isascii() and c.isalnum()) or c in "_@:+-." else "".join(f"%{b:02X}" for b in c.encode()) for c in name
    )
    return safe if not safe.startswith(".") else f"%2E{safe[1:]}"


class MachineReader:
    """A machine whose files lie below `root`; `units` are asked for together; `blobs` are those the controller sent."""

    def __init__(
        self,
        *,
        root: str = "/",
        units: Iterable[str] = (),
        state_dir: str = "/var/lib/provision",
        blobs: Mapping[str, bytes] | None = None,
    ) -> None:
        self._root = root.rstrip("/")
        self._paths = Paths(root)
        self._units = tuple(unit for unit in units if unit)
        self._state_dir = state_dir
        self._blobs = dict(blobs or {})
        self._accounts: Accounts | None = None
        self._debs: Mapping[str, Deb] | None = None
        self._unit_states: dict[str, UnitState] | None = None
        self._settings: dict[str, str] | None = None
        self._boot_time: int | None = None

    def lstat(self, path: str) -> Stat | None:
        """Return what is at `path` without following a final link; `None` when nothing is."""
        directory, _, name = path.rpartition("/")
        try:
            known = self._paths.trusted(directory)
            if known:
                info = os.lstat(known[0] + name)
            else:
                with self._paths.place(path) as place:
                    info = os.stat(place.name, dir_fd=place.fd, follow_symlinks=False)
        except ABSENT:
            return None
        except OSError as error:
            raise unreadable(path, error) from None
        return stat_of(info, self._names())

    def read(self, path: str, *, limit: int = 1 << 26) -> bytes | None:
        """Return a regular file's bytes, at most `limit`; `None` when nothing is there."""
        fd = self._open(path)
        if fd is None:
            return None
        try:
            data = os.read(fd, min(limit + 1, _CHUNK))
            parts, size = [data], len(data)
            while data and size <= limit:
                data = os.read(fd, _CHUNK)
                parts.append(data)
                size += len(data)
        except OSError as error:
            raise unreadable(path, error) from None
        finally:
            os.close(fd)
        if size > limit:
            raise UnreadableError(f"`{path}` is larger than {limit} bytes", hint=f"`ls -l {path}`")
        return b"".join(parts)

    def readlink(self, path: str) -> str | None:
        """Return the target of the link at `path`; `None` when nothing is there; raises when it is not a link."""
        try:
            with self._paths.place(path) as place:
                return os.readlink(place.name, dir_fd=place.fd)
        except ABSENT:
            return None
        except OSError as error:
            if error.errno == errno.EINVAL:
                raise UnreadableError(f"`{path}` is not a symbolic link", hint=f"`ls -ld {path}`") from None
            raise unreadable(path, error) from None

    def listdir(self, path: str) -> tuple[str, ...] | None:
        """Return the sorted names in a directory; `None` when nothing is there."""
        try:
            return tuple(sorted(self._paths.names(path)))
        except FileNotFoundError:
            return None
        except NotADirectoryError as error:
            if self.lstat(path) is None:
                return None
            raise unreadable(path, error) from None
        except OSError as error:
            raise unreadable(path, error) from None

    def sha256(self, path: str) -> str | None:
        """Return the SHA-256 of a regular file in hexadecimal; `None` when nothing is there."""
        import hashlib

        fd = self._open(path)
        if fd is None:
            return None
        digest = hashlib.sha256()
        try:
            while data := os.read(fd, _CHUNK):
                digest.update(data)
        except OSError as error:
            raise unreadable(path, error) from None
        finally:
            os.close(fd)
        return digest.hexdigest()

    def query(self, argv: Sequence[str], *, timeout: int = 60, user: str = "root") -> Output:
        """Run a program that only looks; raises `PermissionError` unless it is on the list of such programs."""
        if not allowed(argv):
            raise PermissionError(f"`{' '.join(argv)}` is not on the list of programs that only look")
        return self._ask(argv, timeout, user, sealed=False)

    def guard(self, argv: Sequence[str], *, timeout: int = 60, user: str = "root") -> Output:
        """Run a person's guard where the file system cannot be written."""
        return self._ask(argv, timeout, user, sealed=True)

    def accounts(self) -> Mapping[str, Account]:
        """Return all users by name (passwd and group read once)."""
        return self._names().users

    def group_names(self) -> Mapping[str, int]:
        """Return all groups by name."""
        return self._names().groups

    def debs(self) -> Mapping[str, Deb]:
        """Return the packages dpkg knows by name (its status file parsed once)."""
        if self._debs is None:
            names = sorted(name for name in self.listdir(UPDATES) or () if name.isdecimal())
            self._debs = debs(self.read(STATUS) or b"", [self.read(f"{UPDATES}/{name}") or b"" for name in names])
        return self._debs

    def unit(self, name: str) -> UnitState:
        """Return a unit's state; all units given at the start are asked for in one `systemctl show`."""
        from provision.agent.systemctl import NOT_FOUND, full_name

        name = full_name(name)
        if self._unit_states is None:
            self._unit_states = self._show({name, *map(full_name, self._units)})
        elif name not in self._unit_states:
            self._unit_states.update(self._show({name}))
        return self._unit_states.setdefault(name, NOT_FOUND)

    def recall(self, name: str) -> str | None:
        """Return what `Remember` kept under `name`."""
        path = f"{self._state_dir}/state/{state_name(name)}"
        data = self.read(path)
        try:
            return None if data is None else data.decode()
        except UnicodeDecodeError:
            raise UnreadableError(f"`{path}` is damaged", hint=f"`rm {path}`: it is found out anew") from None

    def blob(self, blob: Blob) -> bytes | None:
        """Return a blob's bytes when they are here."""
        return self._blobs.get(blob.sha256)

    def boot_id(self) -> str:
        """Return the id of this boot."""
        return (self.read("/proc/sys/kernel/random/boot_id") or b"").decode().strip()

    def boot_time_ns(self) -> int:
        """Return when this boot began, nanoseconds since the epoch; in a container, when its first process did."""
        if self._boot_time is None:
            try:
                with open("/proc/1/stat", "rb") as file:
                    ticks = int(file.read().rpartition(b")")[2].split()[19])
            except OSError:
                ticks = 0
            since_kernel = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
            self._boot_time = time.time_ns() - since_kernel
        return self._boot_time

    def now_ns(self) -> int:
        """Return the time, nanoseconds since the epoch."""
        return time.time_ns()

    def _open(self, path: str) -> int | None:
        try:
            return self._paths.open_file(path)
        except ABSENT:
            return None
        except OSError as error:
            raise unreadable(path, error) from None

    def _names(self) -> Accounts:
        if self._accounts is None:
            passwd, group = self.read("/etc/passwd") or b"", self.read("/etc/group") or b""
            self._accounts = Accounts(passwd, group, services=not self._root)
        return self._accounts

    def _account(self, user: str) -> Account | None:
        """Return the account of `user`; who asks for root without being it gets the account we run as."""
        uid = os.geteuid() if user == "root" else -1
        account = self._names().users.get(self._names().user_name(uid) if uid > 0 else user)
        if account is None and uid >= 0:
            return Account(name=user, uid=uid, gid=os.getegid(), group="", home="/", shell="/bin/sh")  # noqa: S604 - a field
        return account

    def _network_settings(self) -> dict[str, str]:
        if self._settings is None:
            from provision.agent.programs import machine_settings

            self._settings = machine_settings(self.read("/etc/environment") or b"", os.environ)
        return self._settings

    def _show(self, names: set[str]) -> dict[str, UnitState]:
        from provision.agent import systemctl

        try:
            running = stat.S_ISDIR(os.lstat(f"{self._root}/run/systemd/system").st_mode)
        except OSError:
            running = False
        if not running:
            return {}
        argv = systemctl.show(sorted(names))
        answer = self.query(argv)
        if answer.code and "timestamp" in answer.stderr:
            answer = self.query(systemctl.show(sorted(names), plain=True))
        if answer.code:
            raise UnreadableError("systemd does not answer", hint=f"`{' '.join(argv)}`", evidence=answer.stderr.strip())
        return systemctl.parse(answer.stdout)

    def _ask(self, argv: Sequence[str], timeout: float, user: str, *, sealed: bool) -> Output:
        from provision.agent import programs
        from provision.agent.readonly import SCRATCH, seal

        account = self._account(user)
        if account is None:
            raise UnreadableError(f"there is no user `{user}`", hint=f"`getent passwd {user}`")
        writable = not sealed and os.access("/tmp", os.W_OK)  # noqa: S108 - only asked about
        try:
            process = programs.start(
                argv,
                env=programs.environment(account, self._network_settings(), () if writable else (("TMPDIR", SCRATCH),)),
                who=programs.identity(account, self._names().groups),
                merged=False,
                before=seal if sealed else None,
            )
        except FileNotFoundError:
            return Output(code=_NOT_FOUND, stdout="", stderr=f"{argv[0]}: not found")
        except PermissionError as error:
            raise UnreadableError(f"`{argv[0]}` may not be run as {user}: {error.strerror}", hint="run it with `sudo`") from None
        return programs.capture(process, argv, timeout)
