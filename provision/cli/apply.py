"""`provision apply`: plan, confirm, apply, check every step."""

from __future__ import annotations

from typing import Annotated

import typer

from provision.cli import options as o

EvenIfBusy = Annotated[bool, typer.Option("--even-if-busy", help="Go on although programs or containers use the GPU.")]


def apply(
    roles: o.Roles = None,
    profile: o.Profile = None,
    host: o.Hosts = None,
    inventory: o.Inventory = None,
    limit: o.Limit = None,
    skip: o.Skip = None,
    role_path: o.RolePaths = None,
    ssh_config: o.SshConfig = None,
    ask_sudo_password: o.AskSudo = False,
    sudo_password_stdin: o.SudoStdin = False,
    yes: o.Yes = False,
    even_if_busy: EvenIfBusy = False,
    diff: o.ShowDiff = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Show the plan, ask, apply it, and check what was changed."""
    with o.shown(as_json=as_json, yes=yes, diff=diff, verbose=verbose) as ui:
        sudo = o.sudo(ask_first=ask_sudo_password, from_stdin=sudo_password_stdin)
        machines = o.machines(host, ssh_config, inventory, limit)
        from provision.run.drive import Drive

        request = o.request(profile, roles, skip, role_path)
        code = Drive(machines.transports, machines.profiles, request, sudo, ui, even_if_busy=even_if_busy).apply()
        ui.end(code)
    o.end(code)
