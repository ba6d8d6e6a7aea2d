"""The real machine, to change: one step at a time, each whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from provision.agent import steps
from provision.agent.attributes import dress, dress_at, numbers
from provision.agent.backups import Backups
from provision.agent.children import Children
from provision.agent.paths import Place
from provision.agent.progress import OnProgress, silent
from provision.agent.reader import MachineReader, state_name
from provision.agent.removal import check_tree, empty
from provision.agent.replace import Temporary, check_target, sweep, temporary_name, write_new
from provision.agent.steps import Step
from provision.agent.validation import validate
from provision.errors import ProvisionError, StepError

_HINTS = {
    errno.ENOSPC: "`df -h {0}; df -i {0}` shows what is full",
    errno.EDQUOT: "`quota` shows whose share is used up",
    errno.EROFS: "`findmnt --target {0}` names the mount that is read-only",
    errno.EIO: "`dmesg | tail` shows what the disk says",
    errno.EACCES: "run it again with `sudo`",
    errno.EPERM: "run it again with `sudo`; `lsattr -d {0}` shows a file that was made immutable",
    errno.ENOENT: "make the directory above `{0}` first",
}
_UNIT_DIRECTORIES = ("/etc/systemd/", "/run/systemd/", "/usr/lib/systemd/", "/lib/systemd/", "/usr/local/lib/systemd/")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ITSELF = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def _no_report(_name: str, _subject: str, _text: str) -> None:
    pass


class MachineWriter(MachineReader):
    """A machine that steps change; `backups` is where what was there before is kept, `secrets` never leave in an output.

    Whoever runs it sets `on_progress` and `on_report`, and looks at `reboot_wanted` (why, or empty).
    """

    def __init__(
        self,
        *,
        root: str = "/",
        units: Iterable[str] = (),
        state_dir: str = "/var/lib/provision",
        blobs: Mapping[str, bytes] | None = None,
        backups: str | None = None,
        secrets: tuple[str, ...] = (),
        lock_timeout: float = 300,
        stall: float = 30,
    ) -> None:
        super().__init__(root=root, units=units, state_dir=state_dir, blobs=blobs)
        self.on_progress: OnProgress = silent
        self.on_report: Callable[[str, str, str], None] = _no_report
        self.reboot_wanted = ""
        self._backups = Backups(backups) if backups else None
        self._children = Children(secrets, lock_timeout=lock_timeout, root=self._root)
        self._stall = stall

    def perform(self, step: Step) -> None:
        """Perform `step` whole, or raise `StepError` with the child's last lines; drops what observation had kept."""
        path = getattr(step, "path", "")
        try:
            self._PERFORMERS[type(step)](self, step)
        except StepError:
            raise
        except ProvisionError as error:
            raise StepError(error.message, hint=error.hint, evidence=error.evidence) from None
        except OSError as error:
            what = path or "what is remembered"
            hint = _HINTS.get(error.errno or 0, "`ls -ld {0}`").format(path or self._state_dir)
            raise StepError(f"`{what}` cannot be changed: {(error.strerror or str(error)).lower()}", hint=hint) from error
        finally:
            self._forget(path, everything=isinstance(step, steps.Run))

    def _forget(self, path: str, *, everything: bool) -> None:
        self._paths.forget()
        if everything or path in {"/etc/passwd", "/etc/group"}:
            self._accounts = None
        if everything or path.startswith(_UNIT_DIRECTORIES):
            self._unit_states = None
        if everything or path == "/etc/environment":
            self._settings = None
        if everything or path.startswith("/var/lib/dpkg/"):
            self._debs = None

    def _write(self, step: steps.Write) -> None:
        uid, gid = numbers(step.owner, step.group, self._names())
        with self._paths.place(step.path) as place:
            sweep(place)
            info = check_target(place)
            with Temporary(place) as temporary:
                like = place.open_file() if info and stat.S_ISREG(info.st_mode) else None
                try:
                    temporary.fill(step.content, step.mode, uid, gid, like)
                finally:
                    if like is not None:
                        os.close(like)
                if step.validate:
                    validate(step, self._root, self._children, self._plain_environment())
                self._keep(place, info, sensitive=step.sensitive)
                temporary.commit()

    def _keep(self, place: Place, info: os.stat_result | None, *, sensitive: bool = False) -> None:
        if self._backups and info is not None and not sensitive:
            self._backups.keep(place, info, self._names())

    def _write_random(self, step: steps.WriteRandom) -> None:
        uid, gid = numbers(step.owner, step.group, self._names())
        with self._paths.place(step.path) as place:
            sweep(place)
            try:
                write_new(place, f"{os.urandom(step.length).hex()}\n".encode(), step.mode, uid, gid)
            except FileExistsError:
                raise StepError(f"`{step.path}` is there already and is never overwritten", hint=f"`ls -l {step.path}`") from None

    def _make_directory(self, step: steps.MakeDirectory) -> None:
        uid, gid = numbers(step.owner, step.group, self._names())
        with self._paths.place(step.path) as place:
            os.mkdir(place.name, 0o700, dir_fd=place.fd)
            fd = os.open(place.name, _DIRECTORY, dir_fd=place.fd)
            try:
                # Somebody who can write to the parent may have put another directory in its place already.
                if os.fstat(fd).st_uid != os.geteuid() or os.listdir(fd):
                    raise StepError(f"`{step.path}` was replaced while it was made", hint=f"`ls -ld {step.path}`")
                dress(fd, step.mode, uid, gid)
                os.fsync(fd)
            finally:
                os.close(fd)
            place.sync()

    def _set_attributes(self, step: steps.SetAttributes) -> None:
        uid, gid = numbers(step.owner, step.group, self._names())
        with self._paths.place(step.path) as place:
            fd = os.open(place.name, _ITSELF, dir_fd=place.fd)
            try:
                place.suspect(os.fstat(fd))
                dress_at(fd, step.mode, uid, gid)
            finally:
                os.close(fd)
            place.sync()

    def _make_link(self, step: steps.MakeLink) -> None:
        uid, gid = numbers(step.owner, step.group, self._names())
        with self._paths.place(step.path) as place:
            sweep(place)
            info = place.lstat()
            if info is not None and not stat.S_ISLNK(info.st_mode):
                raise StepError(f"`{step.path}` is there and is no link", hint=f"`ls -ld {step.path}`, then move it away")
            self._keep(place, info)
            name = temporary_name()
            os.symlink(step.target, name, dir_fd=place.fd)
            try:
                fd = os.open(name, _ITSELF, dir_fd=place.fd)
                try:
                    place.suspect(os.fstat(fd))
                    dress_at(fd, 0o777, uid, gid)
                finally:
                    os.close(fd)
                os.rename(name, place.name, src_dir_fd=place.fd, dst_dir_fd=place.fd)
            except BaseException:
                os.unlink(name, dir_fd=place.fd)
                raise
            place.sync()

    def _remove(self, step: steps.Remove) -> None:
        with self._paths.place(step.path) as place:
            info = place.lstat()
            if info is None:
                return
            if stat.S_ISDIR(info.st_mode):
                self._remove_directory(place)
            elif stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode):
                place.suspect(info)
                self._keep(place, info, sensitive=step.sensitive)
                os.unlink(place.name, dir_fd=place.fd)
            else:
                raise StepError(f"`{step.path}` is a special file", hint=f"`ls -l {step.path}`, then remove it by hand")
            place.sync()

    @staticmethod
    def _remove_directory(place: Place) -> None:
        try:
            os.rmdir(place.name, dir_fd=place.fd)
        except OSError as error:
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                raise StepError(f"`{place.path}` is not empty, so it stays", hint=f"`ls -A {place.path}`") from None
            raise

    def _remove_tree(self, step: steps.RemoveTree) -> None:
        check_tree(step.path, [account.home for account in self.accounts().values()])
        with self._paths.place(step.path) as place:
            try:
                fd = os.open(place.name, _DIRECTORY, dir_fd=place.fd)
            except FileNotFoundError:
                return
            except NotADirectoryError:
                raise StepError(f"`{step.path}` is not a directory", hint=f"`ls -ld {step.path}`") from None
            try:
                if os.fstat(fd).st_dev != os.fstat(place.fd).st_dev:
                    raise StepError(f"`{step.path}` is a mount", hint=f"`findmnt {step.path}`")
                empty(fd, step.path, os.fstat(fd).st_dev)
            finally:
                os.close(fd)
            os.rmdir(place.name, dir_fd=place.fd)
            place.sync()

    def _plain_environment(self) -> Mapping[str, str]:
        from provision.agent.programs import environment

        account = self._account("root")
        assert account  # noqa: S101 - root's is made up where passwd lacks it
        return environment(account, self._network_settings())

    def _run(self, step: steps.Run) -> None:
        from provision.agent.programs import environment, identity

        account = self._account(step.user)
        if account is None:
            raise StepError(f"there is no user `{step.user}` to run `{step.argv[0]}`", hint=f"`getent passwd {step.user}`")
        env = environment(account, self._network_settings(), step.environment)
        self._children.run(step, env, identity(account, self.group_names()), self.on_progress)

    def _fetch(self, step: steps.Fetch) -> None:
        from provision.agent.fetch import Download

        uid, gid = numbers(step.owner, step.group, self._names())
        with self._paths.place(step.path) as place:
            info = check_target(place)
            with Download(step, place, self._network_settings(), self.on_progress, self._stall) as download:
                download.receive(uid, gid)
                self._keep(place, info)
                download.commit()

    def _fetch_key(self, step: steps.FetchKey) -> None:
        from provision.agent.key import fetched

        self.on_progress("fetching a key", None, None, None)
        text = fetched(step.url, step.fingerprint, self._network_settings(), self._stall)
        self._write(steps.Write(path=step.path, content=text, mode=0o644, owner="root", group="root"))

    def _remember(self, step: steps.Remember) -> None:
        for directory in (self._state_dir, f"{self._state_dir}/state"):
            if self.lstat(directory) is None:
                self._make_directory(
                    steps.MakeDirectory(path=directory, mode=0o700, owner=str(os.geteuid()), group=str(os.getegid()))
                )
        with self._paths.place(f"{self._state_dir}/state/{state_name(step.name)}") as place:
            sweep(place)
            with Temporary(place) as temporary:
                temporary.fill(step.value.encode(), 0o600, os.geteuid(), os.getegid())
                temporary.commit()

    def _report(self, step: steps.Report) -> None:
        data = self.read(step.path)
        if data is None:
            raise StepError(f"the result `{step.path}` is not there", hint=f"`ls -l {step.path}`")
        self.on_report(step.name, step.subject, data.decode("utf-8", "replace"))

    def _request_reboot(self, step: steps.RequestReboot) -> None:
        self.reboot_wanted = step.because

    _PERFORMERS: ClassVar[Mapping[type, Callable[[Any, Any], None]]] = {
        steps.Write: _write,
        steps.WriteRandom: _write_random,
        steps.MakeDirectory: _make_directory,
        steps.SetAttributes: _set_attributes,
        steps.MakeLink: _make_link,
        steps.Remove: _remove,
        steps.RemoveTree: _remove_tree,
        steps.Run: _run,
        steps.Fetch: _fetch,
        steps.FetchKey: _fetch_key,
        steps.Remember: _remember,
        steps.RequestReboot: _request_reboot,
        steps.Report: _report,
    }
