"""A throwaway machine: a booted systemd container of a real distribution, with sshd and a network of its own."""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from provision.box import disk, inherit, state, support
from provision.box.command import last_lines, run
from provision.box.holder import Holder
from provision.box.inherit import Text
from provision.box.inside import Inside
from provision.box.network import Network
from provision.box.root import DEMO_USER, Say, cache_home, root
from provision.errors import ProvisionError

BOOT_SECONDS = 90
SSH_PORT = 22
USERS = {"root": ("/root", 0), DEMO_USER: (f"/home/{DEMO_USER}", 1000)}
"""Who lets our key in: home and uid."""


class Box(Inside):
    """A machine that is made and booted on entering, and gone without a trace on leaving.

    `release` is `host` or a name such as `debian-12`; `packages` are apt packages its root has from the start; `keep` leaves
    it running until `state.remove`. Users: `root`, and `demo` with sudo and no password, both with our key.
    """

    def __init__(
        self, release: str = "host", *, packages: Sequence[str] = (), keep: bool = False, say: Say = lambda _: None
    ) -> None:
        self.release = release
        self.packages = tuple(packages)
        self.keep = keep
        self.name = f"box-{secrets.token_hex(3)}"
        self.folder = state.STATES / self.name
        self.ssh_config = self.folder / "ssh_config"
        self.key = self.folder / "key"
        self.known_hosts = self.folder / "known_hosts"
        self.port = 0
        """The port of 127.0.0.1 that leads to its sshd."""
        self.boot_seconds = 0.0
        self._say = say
        self._state = state.new(self.name, cache_home() / "boxes" / self.name)
        self._holder: Holder | None = None
        self._network: Network | None = None

    def __enter__(self) -> Box:  # noqa: PYI034 - `Self` needs Python 3.11
        reason = support.why_not()
        if reason:
            raise ProvisionError(reason)
        state.sweep()
        base = root(self.release, extra=self.packages, say=self._say)
        atexit.register(self.close)
        try:
            self._boot(base)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self.keep and kind is None:
            self.leave()
        else:
            self.close()

    def close(self) -> None:
        """End the box at once and remove all of it; harmless when it is gone already."""
        atexit.unregister(self.close)
        if self._holder:
            self._holder.end()
        if self._network:
            self._network.stop()
        state.remove(self._state)

    def leave(self) -> None:
        """Let the box outlive this process (until `state.remove`, or this machine restarts)."""
        atexit.unregister(self.close)
        self._update(kept=True)

    def forward(self, port: int) -> int:
        """Return a port of 127.0.0.1 that leads to the box's TCP `port` from now on."""
        return self._running_network().forward(port)

    def shutdown(self) -> None:
        """Power the box off in an orderly way, at most 30 s; its disk stays until it is closed."""
        self._running_holder().power_off()

    def kill(self) -> None:
        """Cut the box's power; its disk stays until it is closed."""
        self._running_holder().end()

    def console(self) -> str:
        """Return what the box printed on its console since it was made."""
        log = self.folder / "console.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def ssh(
        self, *argv: str, user: str = DEMO_USER, timeout: float = 120, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `argv` in the box over SSH as `user`, as a person would."""
        return run(["ssh", "-F", self.ssh_config, "-l", user, self.name, "--", *argv], timeout=timeout, check=check)

    @property
    def leader(self) -> int:
        """The pid, here, of the box's PID 1."""
        return self._running_holder().leader()

    def _boot(self, base: Path) -> None:
        start = time.monotonic()
        self._update()
        network = self._network = Network(self.folder)
        inherited = inherit.inheritance(network.gateway)
        layer = disk.make(base, Path(self._state.disk))
        self._personalise(layer, network, inherited.files)
        holder = self._holder = Holder(self.name, layer, self.folder / "console.log", inherited.directories)
        self._update(cgroups=holder.cgroups)
        self._update(holder=holder.start(), cgroups=holder.cgroups)
        namespace = os.open(f"/proc/{holder.pid}/ns/net", os.O_RDONLY)
        try:
            network.start(namespace, host_loopback=inherited.host_loopback)
        finally:
            os.close(namespace)
        self._update(network=network.process)
        holder.go()
        self.port = network.forward(SSH_PORT)
        self._update(port=self.port)
        self._write_ssh_config()
        self.wait_until_up()
        self.boot_seconds = time.monotonic() - start

    def _update(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)  # type: ignore[arg-type] # the fields of State, checked where they are named
        self._state.save()

    def _personalise(self, layer: disk.Disk, network: Network, files: Sequence[Text]) -> None:
        host_key = self.folder / "host_key"
        for path, comment in ((self.key, "provision-box"), (host_key, f"root@{self.name}")):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path])
        public, host_public = (path.with_suffix(".pub").read_text() for path in (self.key, host_key))
        own = [
            Text(path="/etc/machine-id", text=disk.identity(), mode=0o444),
            Text(path="/etc/hostname", text=f"{self.name}\n"),
            Text(
                path="/etc/hosts", text=f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n::1 localhost ip6-localhost ip6-loopback\n"
            ),
            Text(path="/etc/resolv.conf", text=f"nameserver {network.resolver}\n"),
            Text(path="/etc/ssh/ssh_host_ed25519_key", text=host_key.read_text(), mode=0o600),
            Text(path="/etc/ssh/ssh_host_ed25519_key.pub", text=host_public),
        ]
        for file in (*own, *files):
            layer.write(file)
        for home, uid in USERS.values():
            layer.write(Text(path=f"{home}/.ssh/authorized_keys", text=public, mode=0o600))
            layer.own(f"{home}/.ssh/authorized_keys", uid)
        host_key.unlink()
        self._host_public = " ".join(host_public.split()[:2])

    def _write_ssh_config(self) -> None:
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {self._host_public}\n")
        self.ssh_config.write_text(
            f"Host {self.name}\n"
            f"  HostName 127.0.0.1\n"
            f"  Port {self.port}\n"
            f"  User {DEMO_USER}\n"
            f"  IdentityFile {self.key}\n"
            f"  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self.known_hosts}\n"
            f"  GlobalKnownHostsFile /dev/null\n"
            f"  StrictHostKeyChecking yes\n"
        )

    def wait_until_up(self, timeout: float = BOOT_SECONDS) -> None:
        """Wait until systemd has started all it wants to and sshd answers; raises `ProvisionError` with the console's end."""
        deadline = time.monotonic() + timeout
        while not (self._systemd_is_up() and self._sshd_answers()):
            if not self._running_holder().alive():
                raise ProvisionError("the box stopped while it booted", evidence=last_lines(self.console()))
            if time.monotonic() > deadline:
                raise ProvisionError(f"the box did not boot within {timeout:g} s", evidence=last_lines(self.console()))
            time.sleep(0.03)

    def _systemd_is_up(self) -> bool:
        with contextlib.suppress(ProvisionError):
            said = self.execute(["systemctl", "is-system-running"], timeout=10).stdout.strip()
            return said in {"running", "degraded"}
        return False

    def _sshd_answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=2) as channel:
            return channel.recv(4) == b"SSH-"
        return False

    def _running_holder(self) -> Holder:
        if not self._holder:
            raise ProvisionError(f"the box {self.name} does not run")
        return self._holder

    def _running_network(self) -> Network:
        if not self._network:
            raise ProvisionError(f"the box {self.name} does not run")
        return self._network
