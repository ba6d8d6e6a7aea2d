"""The options several verbs share, and what they are turned into."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from provision.run.connect import Sudo
    from provision.run.request import Request
    from provision.run.ui import Ui
    from provision.transports.base import Transport

Roles = Annotated[
    list[str] | None, typer.Argument(metavar="ROLE", help="Only these roles, with what they need.", show_default=False)
]
Profile = Annotated[
    Path | None,
    typer.Option(
        "--profile", "-p", metavar="FILE", help="The profile; else ./workstation.toml, else the user's own.", show_default=False
    ),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(
        "--host", "-H", metavar="HOST", help="A machine to reach over SSH (repeatable); else this one.", show_default=False
    ),
]
Inventory = Annotated[
    Path | None, typer.Option("--inventory", metavar="FILE", help="A TOML file that lists hosts.", show_default=False)
]
Limit = Annotated[
    list[str] | None,
    typer.Option("--limit", metavar="PATTERN", help="Only hosts of the inventory that match.", show_default=False),
]
Skip = Annotated[
    list[str] | None, typer.Option("--skip", metavar="ROLE", help="Leave a role out (repeatable).", show_default=False)
]
RolePaths = Annotated[
    list[Path] | None, typer.Option("--role-path", metavar="FOLDER", help="A folder with roles of your own.", show_default=False)
]
SshConfig = Annotated[
    Path | None, typer.Option("--ssh-config", metavar="FILE", help="An ssh_config beside the usual ones.", show_default=False)
]
AskSudo = Annotated[bool, typer.Option("--ask-sudo-password", "-K", help="Ask for the sudo password first.")]
SudoStdin = Annotated[bool, typer.Option("--sudo-password-stdin", help="Read the sudo password from stdin.")]
Json = Annotated[bool, typer.Option("--json", help="JSON Lines on stdout, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
ShowDiff = Annotated[bool, typer.Option("--diff", help="Show how files change.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Also show what is already so.")]


@dataclass(frozen=True)
class Machines:
    """The machines asked for, and the profiles an inventory gives some of them."""

    transports: list[Transport]
    profiles: dict[str, Path]

    @property
    def only(self) -> Transport:
        """The one machine of a verb that takes no more."""
        if len(self.transports) > 1:
            from provision.errors import InputError

            raise InputError("this verb works on one machine at a time", hint="give one `--host`")
        return self.transports[0]


def machines(
    hosts: list[str] | None, ssh_config: Path | None, inventory: Path | None = None, limit: list[str] | None = None
) -> Machines:
    """Return the machines asked for: `--host`, the inventory, else this one; raises `InputError`."""
    from provision.errors import InputError

    names, profiles = list(hosts or ()), {}
    if inventory is not None:
        from provision.profile import inventory as inventories

        entries = inventories.load_inventory(inventory)
        entries = inventories.limit(entries, ",".join(limit)) if limit else entries
        names += [entry.name for entry in entries]
        profiles = {entry.name: entry.profile for entry in entries if entry.profile is not None}
    elif limit:
        raise InputError("`--limit` needs `--inventory`")
    if not names:
        from provision.transports.local import Local

        return Machines([Local()], {})
    from provision.run.ahead import machine

    return Machines([machine(name, ssh_config) for name in dict.fromkeys(names)], profiles)


def request(profile: Path | None, roles: list[str] | None, skip: list[str] | None, role_paths: list[Path] | None) -> Request:
    """Return what was asked for as one value."""
    from provision.run.request import Request

    return Request(profile=profile, roles=tuple(roles or ()), skip=tuple(skip or ()), role_paths=tuple(role_paths or ()))


def sudo(*, ask_first: bool, from_stdin: bool, wanted: bool = True) -> Sudo:
    """Return how to become root; the password is asked for on the terminal only."""
    from provision.run.connect import Sudo

    def ask(host: str) -> str:
        if not sys.stdin.isatty():
            return ""
        from getpass import getpass

        sys.stderr.write("\r\x1b[K" if sys.stderr.isatty() else "")  # over the line that says what goes on
        return getpass(f"sudo password for {host}: ", stream=sys.stderr)

    password = ""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\n")
    elif ask_first:
        password = ask("all hosts")
    return Sudo(wanted=wanted, password=password, ask=ask)


@contextmanager
def shown(*, as_json: bool, yes: bool = False, diff: bool = False, verbose: bool = False) -> Iterator[Ui]:
    """Yield what shows a run: JSON Lines for programs, else a person's terminal."""
    if as_json:
        from provision.render.jsonl import JsonUi

        yield JsonUi(sys.stdout, yes=yes)
        return
    from provision.render.screen import Screen
    from provision.render.terminal import TerminalUi, read_line

    screen = Screen.of(sys.stderr, os.environ, diff=diff, verbose=verbose)
    ask = read_line if sys.stdin.isatty() else None
    with TerminalUi(screen, ask=ask, yes=yes) as ui:
        yield ui


def end(code: int) -> None:
    """End the verb with `code`."""
    raise typer.Exit(int(code))
