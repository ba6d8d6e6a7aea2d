"""The first program on the target: becomes root through `sudo`, then lets the agent in.

Its text goes ahead of everything else and is run by the login user's `python3 -IS`; it imports nothing of ours.
Read from stdin: a header (sudo wanted? the password, if one is known; does a message follow?) and the agent. `sudo`
asks on a pseudo-terminal of its own, so the password never shares a stream with data and reaches no child: the agent is
released only once the root half has said that it is up. One attempt, then the truth is told.

Everything is read with `os.read`, to the byte: what follows on stdin belongs to the agent.
"""

from __future__ import annotations

import os
import select
import struct
import sys
import termios
import zlib

TYPE_CHECKING = False  # `typing`, `json` and `contextlib` would take longer to import than all else here takes to run
if TYPE_CHECKING:
    from typing import NoReturn

PROMPT = "[provision wants the sudo password]"
UP = b"\0provision-root-up\n"
MAGIC = b"\0provision-agent-1\n"
PATIENCE = 60
SUDO, EARLY = 1, 2
"""The bits of the header's first byte: become root; a message follows the agent. The rest is the password."""

ROOT = r"""
import os, zlib
def exactly(n):
    data = b""
    while len(data) < n:
        data += os.read(0, n - len(data)) or os._exit(1)
    return data
os.write(1, b"\0provision-root-up\n")
login = exactly(int(exactly(4))).decode()
agent = exactly(int(exactly(8)))
space = {"__name__": "agent", "ENTRY": "session", "LOGIN": login}
exec(compile(zlib.decompress(agent), "<agent>", "exec"), space)
"""


def exactly(count: int) -> bytes:
    """Read `count` bytes from stdin; end when the other side is gone."""
    data = b""
    while len(data) < count:
        data += os.read(0, count - len(data)) or sys.exit(1)
    return data


def take() -> bytes:
    """Read one length-prefixed piece from stdin."""
    (length,) = struct.unpack(">I", exactly(4))
    return exactly(length)


def take_whole() -> bytes:
    """Read one piece from stdin, its length included."""
    data = take()
    return struct.pack(">I", len(data)) + data


def put(fd: int, data: bytes) -> None:
    """Write all of `data`."""
    while data:
        data = data[os.write(fd, data) :]


def tell(**message: str) -> None:
    """Send one frame to the controller."""
    body = __import__("json").dumps(message).encode()
    put(1, struct.pack(">I", len(body)) + body)


def start() -> tuple[int, int, int]:
    """Start the root half under sudo; return its stdin, its stdout and our side of its terminal."""
    terminal, its_terminal = os.openpty()
    modes = termios.tcgetattr(its_terminal)
    modes[3] &= ~termios.ECHO  # whatever sudo does about it, the password is not among what it said
    termios.tcsetattr(its_terminal, termios.TCSANOW, modes)
    its_stdin, to_child = os.pipe()
    from_child, its_stdout = os.pipe()
    if os.fork() == 0:
        os.setsid()
        tty = os.open(os.ttyname(its_terminal), os.O_RDWR)  # the first terminal a session leader opens becomes its own
        for fd, number in ((its_stdin, 0), (its_stdout, 1), (tty, 2)):
            os.dup2(fd, number)
        os.closerange(3, 256)
        os.environ["LC_ALL"] = "C"  # `why_ended` reads what sudo says
        try:
            os.execvp("sudo", ["sudo", "-p", PROMPT, "--", "/usr/bin/python3", "-ISc", ROOT])  # noqa: S606 - no shell is the point
        except OSError as error:
            put(2, f"sudo: {error.strerror}\n".encode())
            os._exit(127)
    for fd in (its_stdin, its_stdout, its_terminal):
        os.close(fd)
    return to_child, from_child, terminal


def refuse(why: str, said: bytes, terminal: int) -> NoReturn:
    """Tell why root was not to be had, interrupt sudo, and end."""
    tell(type="refused", why=why, text=said.decode(errors="replace").replace(PROMPT, "").strip())
    try:  # noqa: SIM105 - see the imports
        os.write(terminal, b"\x03")
    except OSError:
        pass
    sys.exit(1)


def why_ended(said: bytes, *, answered: bool) -> str:
    """Return why sudo ended: it says so itself when the password was right and the user may still not."""
    denied = b"ncorrect" not in said and b"uthentication fail" not in said
    return "not-allowed" if denied or not answered else "wrong-password"


def climb(password: str, *, early: bool) -> tuple[int, int, int, bytes]:  # noqa: C901 - one conversation, best read in one piece
    """Get past sudo, or tell why not and end; return the root half's stdin, stdout and terminal.

    The password, when it is asked for, comes after the `early` message, which is returned for the root half.
    """
    to_child, from_child, terminal = start()
    seen, said, answered, held = b"", b"", False, b""
    while UP not in seen:
        ready = select.select([terminal, from_child], [], [], PATIENCE)[0]
        if not ready:
            refuse("silent", said, terminal)
        if terminal in ready:
            try:
                said += os.read(terminal, 4096)
            except OSError:  # EIO: nobody holds its side any more
                refuse(why_ended(said, answered=answered), said, terminal)
            if said.count(PROMPT.encode()) > answered:
                if answered:
                    refuse("wrong-password", said, terminal)
                if not password:
                    tell(type="password-wanted")
                    held = take_whole() if early else b""
                    password = take().decode()
                if not password:
                    refuse("password-needed", said, terminal)
                os.write(terminal, password.encode() + b"\n")
                answered, password = True, ""
        elif from_child in ready:
            data = os.read(from_child, 4096)
            seen += data
            if not data:
                # Its last words may still be on their way through the terminal.
                while select.select([terminal], [], [], 0.2)[0]:
                    try:
                        said += os.read(terminal, 4096)
                    except OSError:
                        break
                refuse(why_ended(said, answered=answered), said, terminal)
    return to_child, from_child, terminal, held


def relay(to_child: int, from_child: int, terminal: int) -> None:
    """Carry bytes both ways until the root half ends; keep its terminal drained, or it would block."""
    poll = select.poll()
    for fd in (0, from_child, terminal):
        poll.register(fd, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            try:
                data = os.read(fd, 65536)
            except OSError:
                data = b""
            if fd == from_child:
                if not data:
                    return
                put(1, data)
            elif not data:
                poll.unregister(fd)
                os.close(to_child if fd == 0 else fd)
            elif fd == 0:
                put(to_child, data)


def main() -> None:
    """Become root where asked, hand over the agent, and carry its messages."""
    put(1, MAGIC)
    header = take()
    sudo, early, password = header[0] & SUDO, header[0] & EARLY, header[1:].decode()
    agent = take()
    caller = os.environ.get("SUDO_USER", "") if os.getuid() == 0 else ""
    login = caller or __import__("pwd").getpwuid(os.getuid()).pw_name
    if os.getuid() == 0 or not sudo:
        space = {"__name__": "agent", "ENTRY": "session", "LOGIN": login}
        exec(compile(zlib.decompress(agent), "<agent>", "exec"), space)  # noqa: S102 - this is what stage 1 is for
        return
    to_child, from_child, terminal, held = climb(password, early=bool(early))
    name = login.encode()
    put(to_child, b"%4d%s%8d%s" % (len(name), name, len(agent), agent) + held)
    relay(to_child, from_child, terminal)


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):
        sys.exit(1)
