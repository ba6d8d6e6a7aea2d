"""What a test or a person does inside a machine: `succeed`, `fail`, `wait_for_unit`."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from provision.box.command import last_lines, run
from provision.errors import ProvisionError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Inside:
    """Commands in the machine whose PID 1 is, here, `leader`; without its sshd, so they work whatever becomes of that."""

    @property
    def leader(self) -> int:
        """The pid, here, of the machine's PID 1."""
        raise NotImplementedError

    @property
    def root(self) -> Path:
        """The machine's `/`, seen from here while it runs."""
        return Path(f"/proc/{self.leader}/root")

    def execute(
        self, command: Sequence[str] | str, *, user: str = "root", stdin: str = "", timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run an argument list, or the text of a `sh -e` script, as `user`; raises `ProvisionError` only after `timeout`."""
        words = ["sh", "-ec", command] if isinstance(command, str) else list(command)
        argv = ["nsenter", "--target", str(self.leader), "--all", "--", "env", "-i", f"PATH={PATH}", "LANG=C.UTF-8", "TERM=dumb"]
        if user == "root":
            argv += ["HOME=/root", "USER=root", "LOGNAME=root", "env", "--chdir=/root"]
        else:
            argv += ["runuser", "--user", user, "--", "sh", "-c", _AS_USER, "as-user"]
        return run([*argv, *words], stdin=stdin, timeout=timeout, check=False)

    def succeed(self, command: Sequence[str] | str, *, user: str = "root", stdin: str = "", timeout: float = 120) -> str:
        """Run `command` as `execute` does and return what it printed; raises `ProvisionError` when it fails."""
        done = self.execute(command, user=user, stdin=stdin, timeout=timeout)
        if done.returncode != 0:
            raise ProvisionError(
                f"`{_shown(command)}` ended with {done.returncode} in the box",
                evidence=last_lines(done.stdout + "\n" + done.stderr),
            )
        return done.stdout

    def fail(self, command: Sequence[str] | str, *, user: str = "root", stdin: str = "", timeout: float = 120) -> str:
        """Run `command` as `execute` does and return what it printed (stderr too); raises `ProvisionError` when it succeeds."""
        done = self.execute(command, user=user, stdin=stdin, timeout=timeout)
        if done.returncode == 0:
            raise ProvisionError(f"`{_shown(command)}` was to fail in the box, and did not", evidence=last_lines(done.stdout))
        return done.stdout + done.stderr

    def wait_for_unit(self, name: str, timeout: float = 60) -> None:
        """Wait until the unit is active; raises `ProvisionError` when it failed or took too long, with its log."""
        deadline = time.monotonic() + timeout
        while (said := self.execute(["systemctl", "is-active", name]).stdout.strip()) != "active":
            if said == "failed" or time.monotonic() > deadline:
                log = self.execute(["journalctl", "--no-pager", "--lines=15", "--unit", name]).stdout
                raise ProvisionError(f"the unit `{name}` is {said} in the box", evidence=last_lines(log, 15))
            time.sleep(0.1)

    def wait_for_port(self, port: int, timeout: float = 60, address: str = "127.0.0.1") -> None:
        """Wait until something listens on the box's TCP `port`; raises `ProvisionError` when it took too long."""
        probe = f"import socket; socket.create_connection(({address!r}, {port}), 2)"
        deadline = time.monotonic() + timeout
        while self.execute(["python3", "-c", probe]).returncode != 0:
            if time.monotonic() > deadline:
                raise ProvisionError(f"nothing listens on port {port} in the box after {timeout:g} s")
            time.sleep(0.1)

    def copy_to(self, source: Path, target: str, *, owner: str = "root") -> None:
        """Copy a file or a folder to `target` in the box, with its modes, owned by `owner`."""
        packed = subprocess.run(
            ["tar", "--create", "--directory", source.parent, source.name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        unpack = [
            "nsenter",
            "--target",
            str(self.leader),
            "--all",
            "--",
            "sh",
            "-ec",
            _UNPACK,
            "unpack",
            source.name,
            target,
            owner,
        ]
        done = subprocess.run(unpack, input=packed.stdout, capture_output=True, check=False)
        if done.returncode != 0:
            raise ProvisionError(
                f"`{target}` could not be written in the box", evidence=last_lines(done.stderr.decode(errors="replace"))
            )


_AS_USER = 'cd "$(getent passwd "$(id -u)" | cut -d: -f6)"; export HOME="$PWD" USER="$(id -un)" LOGNAME="$(id -un)"; exec "$@"'
_UNPACK = """
scratch=$(mktemp -d)
tar --extract --no-same-owner --directory "$scratch"
chown --recursive "$3": "$scratch/$1"
mkdir --parents "$(dirname "$2")"
mv --no-target-directory "$scratch/$1" "$2"
rmdir "$scratch"
"""


def _shown(command: Sequence[str] | str) -> str:
    text = command if isinstance(command, str) else " ".join(command)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] + (" …" if len(lines) > 1 else "") if lines else ""
