"""A box's network: user-mode networking in a namespace of its own, which changes nothing on this machine."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import select
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from provision.box.command import last_lines, run
from provision.box.process import Process, process
from provision.errors import ProvisionError

RANGES = ("10.0.2.0/24", "10.13.2.0/24", "172.30.2.0/24", "192.168.222.0/24", "10.213.2.0/24")
_READY_SECONDS = 10
_PORT_TRIES = 5


def free_range(used: Sequence[str], ranges: Sequence[str] = RANGES) -> ipaddress.IPv4Network:
    """Return the first of `ranges` that overlaps none of the networks in `used`; raises `ProvisionError` when all do."""
    taken = [ipaddress.IPv4Network(text, strict=False) for text in used]
    for text in ranges:
        network = ipaddress.IPv4Network(text)
        if not any(network.overlaps(other) for other in taken):
            return network
    raise ProvisionError(f"this machine already uses every network a box could have: {', '.join(ranges)}")


def host_networks() -> tuple[str, ...]:
    """Return the IPv4 networks this machine has routes to, without the default route."""
    shown = json.loads(run(["ip", "-4", "-json", "route", "show", "table", "all"]).stdout or "[]")
    found = [str(route.get("dst", "")) for route in shown]
    return tuple(text for text in found if text[:1].isdigit() and not text.startswith("0.0.0.0/"))


class Network:
    """Addresses of a box's network, and once started the process that carries it."""

    def __init__(self, folder: Path) -> None:
        self.range = free_range(host_networks())
        self.gateway = str(self.range[2])
        self.resolver = str(self.range[3])
        self.address = str(self.range[100])
        self.process: Process | None = None
        self._socket = folder / "slirp.sock"
        self._log = folder / "slirp.log"
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, namespace: int, *, host_loopback: bool) -> None:
        """Carry the network namespace open at the descriptor `namespace`; raises `ProvisionError` when it does not come up."""
        ours = Path("/proc/self/ns/net").stat()
        theirs = os.fstat(namespace)
        if (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino):
            raise ProvisionError("refusing to configure this machine's own network namespace")
        ready, write_ready = os.pipe()
        argv = ["slirp4netns", "--configure", "--mtu=65520", f"--cidr={self.range}", f"--ready-fd={write_ready}"]
        argv += [f"--api-socket={self._socket}", "--netns-type=path"]
        argv += [] if host_loopback else ["--disable-host-loopback"]
        argv += [f"/proc/self/fd/{namespace}", "tap0"]
        try:
            with self._log.open("wb") as log:
                # slirp4netns forks before it opens the path, so the descriptor is inherited, not named by our pid.
                self._child = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(namespace, write_ready),
                    start_new_session=True,
                )
            os.close(write_ready)
            write_ready = -1
            self.process = process(self._child.pid)
            readable, _, _ = select.select([ready], [], [], _READY_SECONDS)
            if not readable or os.read(ready, 1) != b"1":
                raise ProvisionError(
                    "the box's network did not come up", evidence=last_lines(self._log.read_text(errors="replace"))
                )
        finally:
            os.close(ready)
            if write_ready >= 0:
                os.close(write_ready)

    def forward(self, port: int) -> int:
        """Return a port of 127.0.0.1 that leads to the box's TCP `port` from now on; raises `ProvisionError`."""
        said = ""
        for _ in range(_PORT_TRIES):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                chosen = int(probe.getsockname()[1])
            answer = self._ask(
                "add_hostfwd",
                {"proto": "tcp", "host_addr": "127.0.0.1", "host_port": chosen, "guest_addr": self.address, "guest_port": port},
            )
            if "return" in answer:
                return chosen
            said = json.dumps(answer)
        raise ProvisionError(f"no port of this machine could be led to the box's port {port}", evidence=said)

    def stop(self) -> None:
        """End the network; nothing of it remains."""
        if self.process:
            self.process.end()
        if self._child:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(5)

    def _ask(self, execute: str, arguments: dict[str, object]) -> dict[str, object]:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            with socket.socket(socket.AF_UNIX) as channel:
                channel.settimeout(_READY_SECONDS)
                try:
                    channel.connect(str(self._socket))
                except (FileNotFoundError, ConnectionRefusedError) as error:
                    if time.monotonic() > deadline:
                        raise ProvisionError("the box's network does not answer") from error
                    time.sleep(0.02)
                    continue
                channel.sendall(json.dumps({"execute": execute, "arguments": arguments}).encode())
                channel.shutdown(socket.SHUT_WR)
                received = b""
                while chunk := channel.recv(4096):
                    received += chunk
                answer: dict[str, object] = json.loads(received or b"{}")
                return answer
