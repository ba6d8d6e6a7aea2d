"""The whole of it in a throwaway box: apply over SSH, verify, apply again, a cell in JupyterLab through the tunnel."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from provision.box import state, support
from provision.box.box import Box
from provision.box.notebook import Notebook, Tunnel, tunnel
from provision.box.release import release
from provision.box.replay import Tally, run_cli
from provision.box.signals import ending_raises
from provision.cli import options
from provision.errors import Exit, ProvisionError
from provision.render.failure import failure_lines
from provision.render.screen import Screen
from provision.run.ui import Ui

PROFILE = Path(__file__).with_name("demo.toml")
TOKEN = "/etc/provision/jupyter/demo.token"  # noqa: S105 - where it is, not what it is
PORT = 8888
USER = "demo"


@dataclass
class Story:
    """What happened, in order: a word, what there is to say, and seconds."""

    lines: list[tuple[str, str, float | None]] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    @contextmanager
    def chapter(self, word: str) -> Iterator[Callable[[str], None]]:
        """Time a part; the function it yields says how it went."""
        began = time.monotonic()
        said: list[str] = []
        yield said.append
        self.lines.append((word, "".join(said), time.monotonic() - began))

    def table(self) -> str:
        """Return the story as aligned lines."""
        lines = [*self.lines, ("total", "", time.monotonic() - self.started)]
        words, texts = max(len(word) for word, _, _ in lines), max(len(text) for _, text, _ in lines)
        return "\n".join(f"{word:<{words}}  {text:<{texts}}  {seconds or 0:6.1f} s" for word, text, seconds in lines)


@dataclass(frozen=True)
class Result:
    """What the demo proves."""

    first: Tally
    second: Tally
    checks: Tally

    def json(self) -> str:
        """Return the one line for programs."""
        return json.dumps(
            {
                "schema": 1,
                "changed": self.first.changed,
                "second_apply_changed": max(self.second.changed, self.second.planned or 0),
                "checks_passed": self.checks.passed,
                "checks_failed": self.checks.failed,
            },
            separators=(",", ":"),
        )


def say(text: str = "") -> None:
    """Tell a person."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str]) -> int:
    """Run the demo; return the exit code."""
    parser = argparse.ArgumentParser(prog="./bootstrap demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the box, and say how to enter it")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON on stdout")
    parser.add_argument("--release", default="host", help="the box's distribution, such as debian-13")
    parser.add_argument("--remove", metavar="BOX", help="remove a box that was kept")
    chosen = parser.parse_args(arguments)
    try:
        with ending_raises():
            if chosen.remove:
                return remove(chosen.remove)
            reason = support.why_not()
            if reason:
                return without_box(reason)
            return in_box(chosen.release, keep=chosen.keep, as_json=chosen.json)
    except ProvisionError as error:
        screen = Screen.of(sys.stderr, os.environ)
        screen.write(failure_lines(error.message, screen.page, evidence=error.evidence, hint=error.hint))
        return int(error.exit)
    except KeyboardInterrupt:
        say("interrupted; the box is removed")
        return int(Exit.INTERRUPTED)


def without_box(reason: str) -> int:
    """Say why there is no box, show what the demo's profile would change on this machine, read-only, and return 5."""
    say(reason)
    say("so this only shows what the demo's profile would change on this machine:")
    me = os.environ.get("SUDO_USER") or getpass.getuser()
    with tempfile.TemporaryDirectory(prefix="provision-demo-") as folder:
        profile = Path(folder) / "demo.toml"
        mine = "" if me == "root" else f'user = "{me}"'
        profile.write_text(PROFILE.read_text(encoding="utf-8").replace(f'user = "{USER}"', mine), encoding="utf-8")
        words = ["plan", "--no-sudo", "--profile", str(profile), *(("base", "ssh") if me == "root" else ())]
        subprocess.run([sys.executable, "-m", "provision", *words], stdin=subprocess.DEVNULL, check=False)
    return int(Exit.REBOOT_NEEDED)


def remove(name: str) -> int:
    """Remove the box called `name`, which was kept."""
    found = state.load(name) if "/" not in name else None
    if found is None:
        known = ", ".join(f"`{each.name}`" for each in state.states()) or "none"
        raise ProvisionError(f"there is no box `{name}`", hint=f"boxes on this machine: {known}", exit=Exit.BAD_INPUT)
    state.remove(found)
    say(f"{name} is removed")
    return int(Exit.DONE)


def in_box(name: str, *, keep: bool, as_json: bool) -> int:
    """Do all of it, tell it, and return the exit code."""
    story = Story()
    with options.shown(as_json=False, yes=True) as ui:
        ui.connecting("box", f"booting a box of {release(name).name}")
        with story.chapter("box") as tell:
            box = Box(name, keep=keep, say=lambda doing: ui.connecting("box", doing)).__enter__()
            tell(f"{release(name).name}, systemd as PID 1, its own network")
        try:
            result = _apply_twice(box, ui, story)
            with story.chapter("JupyterLab") as tell, tunnel(box.ssh_config, box.name, PORT) as opened:
                tell(_use_notebook(box, opened.port))
        except BaseException:
            box.close()
            raise
        kept = _keep(box) if keep else ""
        if not keep:
            with story.chapter("removed") as tell:
                box.close()
                tell("the box, with all it had")
    say(f"\n{story.table()}{kept}")
    if as_json:
        sys.stdout.write(result.json() + "\n")
    good = result.checks.failed == 0 and result.checks.drift == 0 and not result.second.changed and not result.second.planned
    return int(Exit.DONE if good else Exit.FAILED)


def _apply_twice(box: Box, ui: Ui, story: Story) -> Result:
    profile = box.folder / "demo.toml"  # a copy: its lock is written beside it
    profile.write_text(PROFILE.read_text(encoding="utf-8"), encoding="utf-8")
    place = ["--profile", str(profile), "--host", box.name, "--ssh-config", str(box.ssh_config)]

    def provision(*words: str) -> Tally:
        ui.note(box.name, f"$ provision {' '.join(words)} --host {box.name}")
        code, tally = run_cli([*words, *place], ui, folder=box.folder)
        if code not in {Exit.DONE, Exit.CHANGES_PENDING} and not tally.failed:
            raise ProvisionError(f"`provision {words[0]}` ended with {code}", hint=_again(), exit=_exit(code))
        return tally

    with story.chapter("apply") as tell:
        first = provision("apply", "--yes")
        tell(f"{first.changed} changed, over SSH")
    with story.chapter("verify") as tell:
        checks = provision("verify")
        tell(f"{checks.passed} of {checks.passed + checks.failed} checks passed, drift: {checks.drift or 'none'}")
    with story.chapter("apply again") as tell:
        second = provision("apply", "--yes")
        tell(f"{max(second.changed, second.planned or 0)} changed")
    return Result(first, second, checks)


def _use_notebook(box: Box, port: int) -> str:
    token = box.ssh("sudo", "cat", TOKEN).stdout.strip()
    notebook = Notebook(port, token)
    if not notebook.serves_lab():
        raise ProvisionError("JupyterLab does not serve its page through the tunnel")
    refused = notebook.refusal()
    version = notebook.run_cell("demo")
    return f"a cell multiplied matrices by NumPy {version}; strangers get {refused}"


def _keep(box: Box) -> str:
    opened = Tunnel(box.ssh_config, box.name, PORT)
    opened.wait()
    box.leave()
    enter = f"ssh -F {shlex.quote(str(box.ssh_config))} {box.name}"
    return f"""

{box.name} stays
  enter it    {enter}
  JupyterLab  http://127.0.0.1:{opened.port}/lab
  its token   {enter} sudo cat {TOKEN}
  remove it   ./bootstrap demo --remove {box.name}"""


def _again() -> str:
    return "`./bootstrap demo --keep` leaves the box, so that one can look inside"


def _exit(code: int) -> Exit:
    return Exit(code) if code in set(Exit) else Exit.FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
