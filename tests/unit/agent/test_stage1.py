"""Stage 1, driven for real: past a `sudo` that asks in many ways, one attempt, and no secret where it does not belong."""

from __future__ import annotations

import base64
import json
import os
import pwd
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import provision
from provision.agent import stage1
from provision.agent.wire import Message
from provision.errors import Exit, UnreachableError
from provision.run.payload import COMMAND
from provision.transports.base import Channel, open_channel
from provision.transports.local import SYSTEM_PYTHON, LocalStream

pytestmark = pytest.mark.skipif(not os.access(SYSTEM_PYTHON, os.X_OK), reason=f"stage 1 runs {SYSTEM_PYTHON}")

RIGHT = "s3cret"
UNPRIVILEGED = [] if os.geteuid() else ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
"""Stage 1 asks for nothing when it is root, so that root's tests run it as somebody else."""
TEXT = (Path(provision.__file__).parent / "agent/stage1.py").read_text()
AGENT = b"""
import json, os, struct, sys
body = json.dumps({"type": "facts", "entry": ENTRY, "login": LOGIN, "argv": sys.argv, "environment": dict(os.environ)}).encode()
os.write(1, struct.pack(">I", len(body)) + body)
os.write(2, b"[provision wants the sudo password]" * 50000 if "FLOOD" in os.environ else b"[provision wants the sudo password]")
data = b""
while True:
    part = os.read(0, 1000)
    if not part: break
    data += part
body = json.dumps({"type": "heard", "data": data.decode("latin-1")}).encode()
os.write(1, struct.pack(">I", len(body)) + body)
"""


@dataclass
class Target:
    """A machine whose `sudo` is ours; one `start` each."""

    folder: Path
    sudo: str = "free"
    noise: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    name: str = "prometheus"
    remote: bool = False
    stream: LocalStream | None = None

    @property
    def log(self) -> dict[str, Any]:
        """What sudo was called with."""
        found: dict[str, Any] = json.loads((self.folder / "log").read_text())
        return found

    def start(self, command: str) -> LocalStream:
        settings = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "FAKE_SUDO": self.sudo,
            "FAKE_SUDO_LOG": str(self.folder / "log"),
            **self.environment,
        }
        words = [f"{name}={value}" for name, value in settings.items()]
        shell = f"{self.noise}\n exec {command}"
        self.stream = LocalStream([*UNPRIVILEGED, "env", *words, "/bin/sh", "-c", shell])
        return self.stream


@pytest.fixture
def target() -> Iterator[Target]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "sudo").write_text("#!/usr/bin/python3\n" + Path(__file__).with_name("fake_sudo.py").read_text())
        (folder / "sudo").chmod(0o755)
        made = Target(folder)
        yield made
        if made.stream is not None:
            made.stream.close()


def climb(
    target: Target,
    password: str = "",
    *,
    sudo: bool = True,
    answers: tuple[str, ...] = (),
    patience: float = 20,
    early: Message | None = None,
) -> tuple[Channel, Message]:
    text = TEXT.replace("\nPATIENCE = 60\n", f"\nPATIENCE = {patience}\n")
    assert f"PATIENCE = {patience}" in text
    asked = list(answers)
    opened = open_channel(
        target,
        command=COMMAND,
        stage1=base64.b64encode(zlib.compress(text.encode())) + b"\n",
        agent=zlib.compress(AGENT),
        sudo=sudo,
        password=password,
        ask=lambda host: asked.pop(0) if host == "prometheus" else "",
        early=None if early is None else lambda: early,
    )
    assert not asked
    return opened


def refused(target: Target, password: str = "", **more: Any) -> UnreachableError:  # noqa: ANN401 - `climb`'s own
    with pytest.raises(UnreachableError) as caught:
        climb(target, password, **more)
    assert caught.value.exit is Exit.UNREACHABLE
    assert (password or RIGHT) not in caught.value.message + caught.value.evidence + caught.value.hint
    assert stage1.PROMPT not in caught.value.evidence
    return caught.value


def heard(channel: Channel, target: Target) -> str:
    """End the agent's stdin; return all it got."""
    assert target.stream is not None
    assert target.stream._child.stdin is not None
    channel.send({"do": "something"})
    target.stream._child.stdin.close()
    said = channel.receive()
    assert said["type"] == "heard"
    return str(said["data"])


def login() -> str:
    return pwd.getpwuid(os.geteuid() or 65534).pw_name


PROMPTING = ["asks", "rs", "lecture", "lecture,rs,slowly", "slowly"]


@pytest.mark.parametrize("sudo", PROMPTING)
def test_the_right_password(target: Target, sudo: str) -> None:
    target.sudo = sudo
    channel, first = climb(target, RIGHT)
    assert (first["entry"], first["login"]) == ("session", login())
    said = heard(channel, target)
    assert said.endswith('{"do":"something"}')
    assert RIGHT not in said
    for place in (first, target.log):
        assert RIGHT not in json.dumps(place)


@pytest.mark.parametrize("sudo", [*PROMPTING, "asks,once", "rs,once"])
def test_a_wrong_password_is_tried_once(target: Target, sudo: str) -> None:
    target.sudo = sudo
    error = refused(target, "not-it-at-all")
    assert error.message == "prometheus: the sudo password is wrong"
    assert "tried once" in error.hint


@pytest.mark.parametrize("sudo", PROMPTING)
def test_a_password_nobody_knew_is_asked_for_when_sudo_wants_one(target: Target, sudo: str) -> None:
    target.sudo = sudo
    channel, first = climb(target, answers=(RIGHT,))
    assert first["type"] == "facts"
    assert RIGHT not in heard(channel, target)


def test_a_wrong_answer_is_not_asked_for_again(target: Target) -> None:
    target.sudo = "asks"
    assert "password is wrong" in refused(target, answers=("not-it-at-all",)).message


def test_nobody_to_ask(target: Target) -> None:
    target.sudo = "asks"
    error = refused(target, answers=("",))
    assert error.message == "prometheus: sudo wants a password and there is nobody to ask"
    assert "--ask-sudo-password" in error.hint


@pytest.mark.parametrize(("sudo", "password", "answers"), [("asks", "", (RIGHT,)), ("asks", RIGHT, ()), ("free", RIGHT, ())])
def test_what_is_sent_unasked_reaches_the_agent_and_no_password_does(
    target: Target, sudo: str, password: str, answers: tuple[str, ...]
) -> None:
    target.sudo = sudo
    channel, first = climb(target, password, answers=answers, early={"do": "early"})
    assert first["type"] == "facts"
    said = heard(channel, target)
    assert '{"do":"early"}' in said
    assert said.endswith('{"do":"something"}')
    assert RIGHT not in said


def test_no_password_is_wanted_and_the_one_we_know_goes_nowhere(target: Target) -> None:
    channel, first = climb(target, RIGHT)
    assert first["type"] == "facts"
    assert RIGHT not in heard(channel, target)
    assert RIGHT not in json.dumps([first, target.log])


def test_nothing_is_sent_before_the_root_half_is_up(target: Target) -> None:
    climb(target, RIGHT)
    assert target.log["early"] is False
    assert target.log["stderr_is_tty"] is True


@pytest.mark.parametrize("password", ["", RIGHT])
def test_a_user_who_may_not(target: Target, password: str) -> None:
    target.sudo = "lecture,refuses"
    error = refused(target, password)
    assert error.message == "prometheus: sudo does not let this user become root"
    assert "not in the sudoers file" in error.evidence


def test_no_sudo_at_all(target: Target) -> None:
    (target.folder / "sudo").unlink()
    target.environment = {"PATH": str(target.folder)}
    error = refused(target, RIGHT)
    assert "does not let this user become root" in error.message
    assert "sudo: No such file or directory" in error.evidence


def test_a_sudo_that_says_nothing(target: Target) -> None:
    target.sudo = "silent"
    error = refused(target, RIGHT, patience=0.2)
    assert error.message == "prometheus: sudo did not answer"
    assert "sudo -v" in error.hint


def test_a_sudo_that_echoes_what_is_typed_gives_nothing_away(target: Target) -> None:
    target.sudo = "echoes"
    refused(target, "not-it-at-all")


def test_what_the_login_shell_prints_first_is_skipped(target: Target) -> None:
    target.noise = "echo Welcome; printf '\\000provision-agent'; echo warning >&2; cat /dev/null"
    _, first = climb(target, RIGHT)
    assert first["type"] == "facts"


def test_an_agent_that_shows_our_prompt_gets_nothing(target: Target) -> None:
    channel, _ = climb(target, RIGHT)
    assert RIGHT not in heard(channel, target)


def test_a_flood_on_the_terminal_blocks_nobody(target: Target) -> None:
    target.environment = {"FLOOD": "1"}
    channel, _ = climb(target)
    assert heard(channel, target).endswith('{"do":"something"}')


def test_without_sudo_the_agent_runs_as_who_calls(target: Target) -> None:
    target.sudo = "refuses"
    channel, first = climb(target, sudo=False)
    assert (first["entry"], first["login"]) == ("session", login())
    assert not (target.folder / "log").exists()
    channel.send({"do": "something"})


def test_a_controller_that_leaves_ends_it(target: Target) -> None:
    target.sudo = "asks"
    stream = target.start(COMMAND)
    stream.write(base64.b64encode(zlib.compress(TEXT.encode())) + b"\n" + b"\0\0")
    assert stream._child.stdin is not None
    stream._child.stdin.close()
    assert stream._child.wait(20) == 1


def test_stage_1_needs_nothing_of_ours() -> None:
    code = "import sys, types; exec(compile(sys.stdin.read(), 'stage1', 'exec'), {'__name__': 'x'}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-ISc", code], input=TEXT, capture_output=True, text=True, check=True)
    assert "provision" not in done.stdout
    assert not {"subprocess", "asyncio", "inspect", "socket"} & set(done.stdout.split())
