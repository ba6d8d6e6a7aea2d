"""The proxy that makes a link slow: what it holds back, what it counts, how it is cut."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from benchmarks.delay_proxy import DelayProxy

DELAY = 0.02


@pytest.fixture
def echo() -> Iterator[int]:
    """A server on 127.0.0.1 that sends back whatever it gets; returns its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def carry(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(4096):
                connection.sendall(data)

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=carry, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield listening.getsockname()[1]
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


@pytest.fixture
def proxy(echo: int) -> Iterator[DelayProxy]:
    with DelayProxy(echo, delay=DELAY) as started:
        yield started


def ask(connection: socket.socket, data: bytes) -> bytes:
    connection.sendall(data)
    answer = b""
    while len(answer) < len(data):
        answer += connection.recv(4096)
    return answer


def connected(proxy: DelayProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def test_each_way_takes_the_delay(proxy: DelayProxy) -> None:
    with connected(proxy) as connection:
        began = time.monotonic()
        assert ask(connection, b"hello") == b"hello"
    assert time.monotonic() - began >= 2 * DELAY


def test_a_question_and_its_answer_are_a_turn_whatever_their_size(proxy: DelayProxy) -> None:
    with connected(proxy) as connection:
        for size in (1, 100_000, 10):
            assert ask(connection, b"x" * size) == b"x" * size
    assert proxy.turns == 3
    assert proxy.bytes_up == proxy.bytes_down == 100_011
    assert proxy.connections == 1


def test_what_is_sent_on_without_an_answer_is_one_turn(proxy: DelayProxy) -> None:
    with connected(proxy) as connection:
        connection.sendall(b"one")
        time.sleep(DELAY / 2)
        assert ask(connection, b"two") in {b"one", b"onetwo"}
    assert proxy.turns == 1


def test_counts_begin_anew_on_demand(proxy: DelayProxy) -> None:
    with connected(proxy) as connection:
        ask(connection, b"before")
        proxy.reset()
        ask(connection, b"after")
    assert (proxy.turns, proxy.bytes_up, proxy.connections) == (1, 5, 0)


def test_a_cut_ends_every_connection_and_lets_new_ones_in(proxy: DelayProxy) -> None:
    with connected(proxy) as first, connected(proxy) as second:
        ask(first, b"1")
        ask(second, b"2")
        proxy.cut()
        for connection in (first, second):
            with pytest.raises((ConnectionError, EOFError)):
                ended(connection)
        with connected(proxy) as third:
            assert ask(third, b"3") == b"3"


def ended(connection: socket.socket) -> None:
    if not connection.recv(1):
        raise EOFError


def test_a_peer_that_is_not_there_is_a_connection_that_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with DelayProxy(port, delay=0) as proxy, connected(proxy) as connection, pytest.raises((ConnectionError, EOFError)):
        ended(connection)
