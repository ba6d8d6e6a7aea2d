"""`provision lock`: solve environments anew and write their locks; nothing is installed."""

from __future__ import annotations

from typing import Annotated

import typer

from provision.cli import options as o

Environments = Annotated[list[str] | None, typer.Argument(metavar="ENV", help="Only these environments.", show_default=False)]
Upgrade = Annotated[bool, typer.Option("--upgrade", "-U", help="Also those that have a lock: look for newer packages.")]


def lock(
    environments: Environments = None,
    upgrade: Upgrade = False,
    profile: o.Profile = None,
    host: o.Hosts = None,
    role_path: o.RolePaths = None,
    ssh_config: o.SshConfig = None,
    ask_sudo_password: o.AskSudo = False,
    sudo_password_stdin: o.SudoStdin = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Solve environments anew, show what is different, and write their locks beside the profile; installs nothing."""
    with o.shown(as_json=as_json, verbose=verbose) as ui:
        sudo = o.sudo(ask_first=ask_sudo_password, from_stdin=sudo_password_stdin)
        machine = o.machines(host, ssh_config).only
        from provision.run import lock as locking

        request = o.request(profile, None, None, role_path)
        code = locking.lock(machine, request, sudo, ui, names=environments or (), upgrade=upgrade)
        ui.end(code)
    o.end(code)
