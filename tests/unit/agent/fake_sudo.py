"""A `sudo` for tests: asks as sudo and sudo-rs do, and then runs the command as whoever calls, or does not.

How it behaves is in FAKE_SUDO; what it was called with goes to FAKE_SUDO_LOG, one JSON object.
"""

import json
import os
import select
import sys
import termios
import time
from pathlib import Path

RIGHT = "s3cret"
behave = os.environ["FAKE_SUDO"].split(",")
prompt = sys.argv[sys.argv.index("-p") + 1]
command = sys.argv[sys.argv.index("--") + 1 :]
if "missing-tty" not in behave:
    tty = os.open("/dev/tty", os.O_RDWR)


def note(**facts: object) -> None:
    Path(os.environ["FAKE_SUDO_LOG"]).write_text(json.dumps({"argv": sys.argv, "environment": dict(os.environ), **facts}))


def say(text: str) -> None:
    data = text.encode()
    for piece in [bytes([byte]) for byte in data] if "slowly" in behave else [data]:
        os.write(tty, piece)


def run() -> None:
    time.sleep(0.05)
    early = bool(select.select([0], [], [], 0)[0])
    note(early=early, stderr_is_tty=os.isatty(2))
    os.execv(command[0], command)  # noqa: S606 - no shell is the point


def ask() -> bool:
    before = termios.tcgetattr(tty)
    if "echoes" not in behave:
        quiet = termios.tcgetattr(tty)
        quiet[3] &= ~termios.ECHO
        termios.tcsetattr(tty, termios.TCSAFLUSH, quiet)
    say(f"[sudo: {prompt}] Password: " if "rs" in behave else prompt)
    answer = b""
    while not answer.endswith(b"\n"):
        answer += os.read(tty, 100) or sys.exit(1)
    termios.tcsetattr(tty, termios.TCSAFLUSH, before)
    say("\n")
    return answer.decode() == f"{RIGHT}\n"


note(early=None)
if "lecture" in behave:
    say("We trust you have received the usual lecture from the local System\r\nAdministrator.\r\n")
if "refuses" in behave:
    say("me is not in the sudoers file.\n")
    sys.exit(1)
if "silent" in behave:
    time.sleep(20)
    sys.exit(1)
if "free" in behave:
    run()
for _ in range(1 if "once" in behave else 3):
    if ask():
        run()
    say("sudo-rs: Authentication failed, try again.\n" if "rs" in behave else "Sorry, try again.\n")
say("sudo: 3 incorrect password attempts\n")
sys.exit(1)
