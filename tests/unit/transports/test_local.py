"""A child process as a byte stream, and what a controller makes of one that ends."""

from __future__ import annotations

import os
import time

import pytest

from provision.agent.wire import LIMIT, MAGIC, Message, pack
from provision.errors import ProvisionError, UnreachableError
from provision.run.payload import COMMAND
from provision.transports import local
from provision.transports.base import Channel, open_channel
from provision.transports.local import SYSTEM_PYTHON, Local, LocalStream


def shell(script: str) -> LocalStream:
    return LocalStream(["/bin/sh", "-c", script])


def test_bytes_go_both_ways() -> None:
    stream = shell("head -c 5; echo problem >&2")
    stream.write(b"hello, and what is not read")
    assert stream.read(100) == b"hello"
    assert stream.read(100) == b""
    assert stream.epilogue() == "problem\n"
    stream.close()


def test_large_writes_are_whole() -> None:
    stream = shell("wc -c")
    stream.write(b"x" * 1_000_000)
    assert stream._child.stdin
    stream._child.stdin.close()
    assert stream.read(100).strip() == b"1000000"
    stream.close()


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(UnreachableError, match="cannot start the agent here") as caught:
        LocalStream(["/nonexistent/python3"])
    assert "apt-get install" in caught.value.hint


def test_a_child_that_will_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    real = local.subprocess.Popen.wait  # type: ignore[attr-defined]  # the module's own import
    monkeypatch.setattr(
        "provision.transports.local.subprocess.Popen.wait", lambda child, timeout=None: real(child, timeout and 0.2)
    )
    stream = shell("trap '' TERM; while :; do sleep 0.05; done")
    began = time.monotonic()
    stream.close()
    assert stream._child.returncode == -9
    assert time.monotonic() - began < 4


def test_a_child_is_out_of_reach_of_our_terminal() -> None:
    stream = shell("ps -o sid= -p $$ 2>/dev/null || cut -d' ' -f6 /proc/$$/stat")
    assert int(stream.read(100)) != os.getsid(0)
    stream.close()


def test_this_machine_runs_its_own_python(monkeypatch: pytest.MonkeyPatch) -> None:
    argvs: list[list[str]] = []
    monkeypatch.setattr(local, "LocalStream", argvs.append)
    Local().start(COMMAND)
    monkeypatch.setattr(local, "SYSTEM_PYTHON", "/nonexistent/python3")
    Local().start(COMMAND)
    assert [argv[1] for argv in argvs] == ["-ISc", "-ISc"]
    assert argvs[0][2].startswith("import os,zlib,binascii;")
    assert argvs[1][0] == os.sys.executable  # type: ignore[attr-defined]  # it is there
    assert Local().name == os.uname().nodename
    assert SYSTEM_PYTHON == "/usr/bin/python3"


# A channel over it


class Replies:
    """A stream whose answers are known beforehand, in pieces of `size` bytes."""

    def __init__(self, data: bytes, *, said: str = "", size: int = 1 << 16, broken: bool = False) -> None:
        self.data, self.said, self.size, self.broken = data, said, size, broken
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        if self.broken:
            raise BrokenPipeError
        self.written += data

    def read(self, count: int) -> bytes:
        part, self.data = self.data[: min(count, self.size)], self.data[min(count, self.size) :]
        if self.broken and not part:
            raise EOFError
        return part

    def epilogue(self) -> str:
        return self.said

    def close(self) -> None:
        self.closed = True


class Machine:
    name = "lab"
    remote = False

    def __init__(self, stream: Replies) -> None:
        self.stream = stream

    def start(self, _command: str) -> Replies:
        return self.stream


def opened(stream: Replies, password: str = "", answer: str = "") -> tuple[Channel, Message]:
    return open_channel(
        Machine(stream), command="x", stage1=b"S", agent=b"A", sudo=True, password=password, ask=lambda host: f"{answer}@{host}"
    )


@pytest.mark.parametrize("size", [1, 3, 1 << 16])
def test_noise_is_skipped_and_messages_are_whole_whatever_the_pieces(size: int) -> None:
    stream = Replies(b"motd\n" + MAGIC[:5] + MAGIC + pack({"type": "facts"}) + pack({"type": "plan"}), size=size)
    channel, first = opened(stream)
    assert first == {"type": "facts"}
    assert channel.receive() == {"type": "plan"}
    assert stream.written.startswith(b"S\0\0\0\x1f" + b'{"sudo": true, "password": ""}'[:5]) or stream.written.startswith(b"S")
    channel.close()
    assert stream.closed
    assert stream.written.endswith(pack({"do": "bye"}))


def test_a_password_is_asked_for_once_and_sent_as_a_piece() -> None:
    stream = Replies(MAGIC + pack({"type": "password-wanted"}) + pack({"type": "facts"}))
    _, first = opened(stream, answer="s3cret")
    assert first["type"] == "facts"
    assert stream.written.endswith(b"\0\0\0\x0as3cret@lab")


@pytest.mark.parametrize(
    ("said", "says", "hint"),
    [
        ("bash: line 1: /usr/bin/python3: No such file or directory\n", "lab has no `python3`", "apt-get install -y python3"),
        ("sh: 1: /usr/bin/python3: not found\n", "lab has no `python3`", "ssh lab sudo"),
        ("Traceback…\n", "the connection to lab ended", ""),
        ("", "the connection to lab ended", ""),
    ],
)
@pytest.mark.parametrize("broken", [False, True])
def test_a_link_that_is_lost_says_what_was_said_last(said: str, says: str, hint: str, *, broken: bool) -> None:
    channel = Channel("lab", Replies(b"\0\0", said=said, broken=broken))
    with pytest.raises(UnreachableError) as caught:
        channel.receive()
    assert caught.value.message == says
    assert hint in caught.value.hint
    assert caught.value.evidence == said.strip()


def test_sending_to_nobody() -> None:
    channel = Channel("lab", Replies(b"", broken=True))
    with pytest.raises(UnreachableError, match="connection to lab ended"):
        channel.send({})
    channel.close()


def test_what_answers_is_not_an_agent() -> None:
    channel = Channel("lab", Replies((LIMIT + 1).to_bytes(4, "big") + b"HTTP"))
    with pytest.raises(UnreachableError, match="what answers is not the agent"):
        channel.receive()


def test_a_shell_that_prints_without_end_is_left() -> None:
    stream = Replies(b"x" * (3 << 20))
    with pytest.raises(UnreachableError, match="prints without end"):
        opened(stream)
    assert stream.closed


@pytest.mark.parametrize("why", ["wrong-password", "password-needed", "not-allowed", "silent"])
def test_every_refusal_has_words_and_a_next_step(why: str) -> None:
    stream = Replies(MAGIC + pack({"type": "refused", "why": why, "text": "what sudo said"}))
    with pytest.raises(UnreachableError) as caught:
        opened(stream)
    assert caught.value.message.startswith("lab: ")
    assert caught.value.hint
    assert caught.value.evidence == "what sudo said"
    assert stream.closed


def test_an_interrupt_while_receiving_loses_nothing() -> None:
    class Interrupting(Replies):
        interrupts = 1

        def read(self, count: int) -> bytes:
            if len(self.data) < 8 and self.interrupts:
                self.interrupts = 0
                raise KeyboardInterrupt
            return super().read(count)

    channel = Channel("lab", Interrupting(pack({"type": "event"}), size=4))
    with pytest.raises(KeyboardInterrupt):
        channel.receive()
    assert channel.receive() == {"type": "event"}


def test_errors_of_the_conversation_close_the_link() -> None:
    stream = Replies(MAGIC)
    with pytest.raises(ProvisionError):
        opened(stream)
    assert stream.closed
