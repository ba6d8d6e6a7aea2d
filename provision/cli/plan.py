"""`provision plan`: what would change, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provision.cli import options as o

Facts = Annotated[
    Path | None,
    typer.Option("--facts", metavar="FILE", help="Plan for a machine elsewhere, from its `facts --json`.", show_default=False),
]
Detailed = Annotated[bool, typer.Option("--detailed-exitcode", help="Exit 2 when something would change.")]
NoSudo = Annotated[bool, typer.Option("--no-sudo", help="Look with your own rights only.")]


def plan(
    roles: o.Roles = None,
    profile: o.Profile = None,
    host: o.Hosts = None,
    inventory: o.Inventory = None,
    limit: o.Limit = None,
    skip: o.Skip = None,
    role_path: o.RolePaths = None,
    ssh_config: o.SshConfig = None,
    facts: Facts = None,
    ask_sudo_password: o.AskSudo = False,
    sudo_password_stdin: o.SudoStdin = False,
    no_sudo: NoSudo = False,
    detailed_exitcode: Detailed = False,
    diff: o.ShowDiff = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Show what would change and why; changes nothing, and could not."""
    request = o.request(profile, roles, skip, role_path)
    with o.shown(as_json=as_json, diff=diff, verbose=verbose) as ui:
        if facts is not None:
            from provision.run.elsewhere import plan_elsewhere

            plan_elsewhere(facts, request, ui)
            return
        from provision.run.drive import Drive

        sudo = o.sudo(ask_first=ask_sudo_password, from_stdin=sudo_password_stdin, wanted=not no_sudo)
        machines = o.machines(host, ssh_config, inventory, limit)
        drive = Drive(machines.transports, machines.profiles, request, sudo, ui)
        code = drive.plan(detailed=detailed_exitcode)
        ui.end(code)
    o.end(code)
