"""A real sshd on the loopback interface, run by whoever tests, for as long as a test lasts."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PROGRAM = "/usr/sbin/sshd"


def new_key(path: Path, kind: str = "ed25519") -> str:
    """Make a key pair at `path`; return its public half, type and base64."""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True, stdin=subprocess.DEVNULL)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


@dataclass
class Sshd:
    """The server, and how a client finds it; `public` is its host key."""

    folder: Path
    port: int
    public: str

    @property
    def known_hosts(self) -> Path:
        """The client's file of trusted keys."""
        return self.folder / "known_hosts"

    @property
    def name(self) -> str:
        """What known_hosts calls the server."""
        return f"[127.0.0.1]:{self.port}"

    def know(self, *lines: str) -> None:
        """Make `lines` the client's known_hosts; NAME and KEY stand for the server's."""
        self.known_hosts.write_text("".join(f"{line.replace('NAME', self.name).replace('KEY', self.public)}\n" for line in lines))

    def config(self, *more: str, host: str = "prometheus") -> Path:
        """Return an ssh_config in which `host` is the server."""
        lines = [
            f"Host {host}", "HostName 127.0.0.1", f"Port {self.port}", f"User {getpass.getuser()}", "IdentitiesOnly yes",
            f"UserKnownHostsFile {self.known_hosts}", f"IdentityFile {self.folder / 'mine'}", *more,
        ]  # fmt: skip
        path = self.folder / "ssh_config"
        path.write_text("\n".join(lines) + "\n")
        return path

    def log(self) -> str:
        """What the server wrote."""
        return (self.folder / "log").read_text()

    def tried_to_log_in(self) -> bool:
        """Whether any client came as far as naming a user."""
        return "userauth-request" in self.log()


def free_port() -> int:
    """Return a port of the loopback interface where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def serve(folder: Path) -> tuple[Sshd, subprocess.Popen[bytes]]:
    """Start a server whose files lie in `folder`; the caller ends it."""
    public = new_key(folder / "host")
    new_key(folder / "mine")
    (folder / "authorized_keys").write_text((folder / "mine.pub").read_text())
    port = free_port()
    settings = [
        f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {folder / 'host'}", "PidFile none", "UsePAM no", "StrictModes no",
        f"AuthorizedKeysFile {folder / 'authorized_keys'}", "PasswordAuthentication no", "PermitRootLogin prohibit-password",
        "LogLevel DEBUG1", "AllowTcpForwarding yes",
    ]  # fmt: skip
    (folder / "sshd_config").write_text("\n".join(settings) + "\n")
    argv = [PROGRAM, "-D", "-e", "-f", str(folder / "sshd_config")]
    if os.geteuid() == 0 and not Path("/run/sshd").is_dir():  # a mount namespace of its own holds what root's sshd insists on
        argv = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec "$@"', "sh", *argv]
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    deadline = time.monotonic() + 20
    while child.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            break
    return Sshd(folder, port, public), child
