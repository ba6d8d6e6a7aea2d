"""The network a box gets, and what is refused."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.box import network
from provision.box.network import RANGES, Network, free_range
from provision.errors import ProvisionError


def test_the_first_range_this_machine_does_not_use() -> None:
    assert str(free_range([])) == RANGES[0]
    assert str(free_range(["192.0.2.0/24", "10.0.2.15"])) == RANGES[1]
    assert str(free_range(["10.0.0.0/8", "172.16.0.0/12"])) == "192.168.222.0/24"
    with pytest.raises(ProvisionError, match="every network"):
        free_range(["0.0.0.0/1", "128.0.0.0/1"])


def test_routes_are_read_without_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Done:
        stdout = json.dumps([{"dst": "default"}, {"dst": "192.0.2.0/24"}, {"dst": "192.0.2.7"}, {"dst": "0.0.0.0/0"}, {}])

    monkeypatch.setattr(network, "run", lambda _: Done)
    assert network.host_networks() == ("192.0.2.0/24", "192.0.2.7")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    monkeypatch.setattr(network, "host_networks", lambda: ("10.0.2.0/24",))
    return Network(tmp_path)


def test_addresses_follow_the_range(made: Network) -> None:
    assert (made.gateway, made.resolver, made.address) == ("10.13.2.2", "10.13.2.3", "10.13.2.100")


def test_this_machines_own_namespace_is_never_configured(made: Network) -> None:
    descriptor = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        with pytest.raises(ProvisionError, match="own network namespace"):
            made.start(descriptor, host_loopback=False)
    finally:
        os.close(descriptor)
    assert made.process is None
    made.stop()


@pytest.fixture
def answers(tmp_path: Path) -> Iterator[list[dict[str, object]]]:
    """Whatever is put here is what the carrier answers, one after another."""
    queue: list[dict[str, object]] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "slirp.sock"))
        listening.listen()

        def serve() -> None:
            while True:
                try:
                    channel, _ = listening.accept()
                except OSError:
                    return
                with channel:
                    while channel.recv(4096):
                        pass
                    channel.sendall(json.dumps(queue.pop(0)).encode())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield queue
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_a_port_that_is_taken_is_tried_anew(made: Network, answers: list[dict[str, object]]) -> None:
    answers += [{"error": {"desc": "bad request: add_hostfwd"}}, {"return": {"id": 1}}]
    assert made.forward(22) > 1023
    assert answers == []
    answers += [{"error": {"desc": f"no {number}"}} for number in range(5)]
    with pytest.raises(ProvisionError, match="box's port 22") as caught:
        made.forward(22)
    assert "no 4" in caught.value.evidence
