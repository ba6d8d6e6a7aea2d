"""Runs the real command line against a box, as a person or a program on this machine would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provision.box.box import Box

ROLE = '''"""A role of this test."""
from provision.catalog.role import role
from provision.checks.model import Check, Probe
from provision.resources import *

@role()
def {name}(profile, facts):
{body}
'''
INTERPRETER = [sys.executable, "-m", "provision"]


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command line left."""

    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON Lines of stdout."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The lines of one type."""
        return [line for line in self.lines if line["type"] == kind]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of the run."""
        return [line["event"] for line in self.of("event")]

    @property
    def error(self) -> dict[str, Any]:
        """The one error; there is exactly one."""
        (line,) = self.of("error")
        found: dict[str, Any] = line["error"]
        return found

    @property
    def pending(self) -> dict[str, dict[str, Any]]:
        """What the plan says is to change, by key."""
        (line,) = self.of("plan")
        return {entry["key"]: entry for entry in line["plan"]["entries"] if entry["status"] != "ok"}

    @property
    def changed(self) -> list[str]:
        """The keys of what the run did change."""
        return [event["key"] for event in self.events if event.get("result") == "changed"]

    @property
    def ended(self) -> str:
        """How the run ended; empty when nobody heard of an end."""
        return next((event["result"] for event in self.events if event["event"] == "run-ended"), "")


@dataclass
class Driver:
    """A command line that reaches `box`, with a home and settings of its own in `folder`."""

    box: Box
    folder: Path
    user: str = "demo"
    port: int = 0
    """Of 127.0.0.1; 0: the box's own."""
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("home", "roles"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "workstation.toml").write_text("schema = 1\n")
        self.configure()

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def configure(self, **settings: str) -> None:
        """Write the ssh_config anew; `settings` come before the usual ones, so they win."""
        port = str(self.port or self.box.port)
        usual = {
            "HostName": "127.0.0.1",
            "Port": port,
            "User": self.user,
            "IdentityFile": str(self.box.key),
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": str(self.known_hosts),
            "StrictHostKeyChecking": "yes",
        }
        lines = "".join(f"  {name} {value}\n" for name, value in {**usual, **settings}.items() if value)
        self.ssh_config.write_text(f"Host {self.box.name}\n{lines}")
        key = self.box.known_hosts.read_text().split(maxsplit=1)[1]
        self.known_hosts.write_text(f"[127.0.0.1]:{port} {key}")

    def role(self, body: str, name: str = "sample") -> None:
        """Put a role into the folder that `--role-path` names."""
        text = textwrap.indent(textwrap.dedent(body).strip(), "    ")
        (self.folder / "roles" / f"{name}.py").write_text(ROLE.format(name=name, body=text))

    def profile(self, text: str) -> None:
        """Write the profile."""
        (self.folder / "workstation.toml").write_text(text)

    def argv(self, verb: str, *words: str, as_json: bool = True) -> list[str]:
        """Return the command line of `verb` for the box."""
        argv = [*INTERPRETER, verb, *words, "--host", self.box.name, "--ssh-config", str(self.ssh_config)]
        if verb in {"plan", "apply", "verify", "lock"}:
            argv += ["--role-path", str(self.folder / "roles"), "--profile", str(self.folder / "workstation.toml")]
        if as_json:
            argv += ["--json", "--yes"] if verb == "apply" else ["--json"]
        return argv

    @property
    def env(self) -> dict[str, str]:
        """The environment of the command line: nothing of ours but the way to the program."""
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        own = {"HOME": str(self.folder / "home"), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "XDG_CACHE_HOME": cache}
        return {**own, **self.environment}

    def run(self, verb: str, *words: str, stdin: str = "", timeout: float = 120, as_json: bool = True) -> Said:
        """Run a verb to its end."""
        return self.finish(self.start(verb, *words, as_json=as_json), stdin, timeout)

    def start(self, verb: str, *words: str, as_json: bool = True) -> subprocess.Popen[str]:
        """Start a verb; `finish` waits for it."""
        return subprocess.Popen(
            self.argv(verb, *words, as_json=as_json),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.env,
            cwd=self.folder,
        )

    @staticmethod
    def finish(child: subprocess.Popen[str], stdin: str = "", timeout: float = 120, heard: str = "") -> Said:
        """Wait for a verb, of which `heard` was read already; it is killed, and the test fails, when it is late."""
        try:
            out, err = child.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            raise AssertionError(f"no end within {timeout:g} s: {out}{err}") from None
        assert "Traceback" not in err, err
        return Said(code=child.returncode, stdout=heard + out, stderr=err)

    def apply(self, *words: str, stdin: str = "", timeout: float = 120) -> Said:
        """Apply the role `sample`."""
        return self.run("apply", *(words or ("sample",)), stdin=stdin, timeout=timeout)


def until(holds: Callable[[], Any], seconds: float = 20) -> Any:  # noqa: ANN401 - whatever `holds` returns
    """Wait until `holds()` is true, and return what it said."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not so within {seconds:g} s"
        time.sleep(0.02)
    return found


@contextmanager
def undone(box: Box, command: str) -> Iterator[None]:
    """Run `command` in the box afterwards, whatever happened."""
    try:
        yield
    finally:
        box.succeed(command)


def log(box: Box, since: str, having: str = "") -> str:
    """Return the lines of the box's journal after `since` (a cursor) that have `having` in them."""
    box.succeed(["journalctl", "--sync"])
    # No filter of journalctl's own: with one, `--after-cursor` loses the first entry that matches.
    said = box.succeed(["journalctl", "--no-pager", "--quiet", "--output=short-full", f"--after-cursor={since}"])
    return "".join(line for line in said.splitlines(keepends=True) if having in line)


def cursor(box: Box) -> str:
    """Return where the box's journal ends now."""
    box.succeed(["journalctl", "--sync"])
    said = box.succeed(["journalctl", "--no-pager", "--quiet", "--lines=1", "--output=cat", "--show-cursor"])
    return said.rsplit("-- cursor: ", 1)[1].strip()


def users(box: Box, *names: str, password: str = "", rules: Sequence[str] = ()) -> None:
    """Make users with our key, a password if one is given, and these lines of sudoers."""
    for name in names:
        box.succeed(
            f"id {name} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash {name}; "
            f"install -d -m 700 -o {name} -g {name} /home/{name}/.ssh; "
            f"install -m 600 -o {name} -g {name} /home/demo/.ssh/authorized_keys /home/{name}/.ssh/authorized_keys"
        )
        if password:
            box.succeed(["chpasswd"], stdin=f"{name}:{password}\n")
    if rules:
        text = "".join(f"{rule}\n" for rule in rules)
        box.succeed(f"cat > /etc/sudoers.d/{names[0]}; chmod 440 /etc/sudoers.d/{names[0]}; visudo -c >/dev/null", stdin=text)
