"""`provision verify`: the plan must be empty *and* every check pass."""

from __future__ import annotations

from provision.cli import options as o


def verify(
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
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Prove that the machine is as the profile says and that it works; a verdict per role."""
    with o.shown(as_json=as_json, verbose=verbose) as ui:
        sudo = o.sudo(ask_first=ask_sudo_password, from_stdin=sudo_password_stdin)
        machines = o.machines(host, ssh_config, inventory, limit)
        from provision.run.drive import Drive

        code = Drive(machines.transports, machines.profiles, o.request(profile, roles, skip, role_path), sudo, ui).verify()
        ui.end(code)
    o.end(code)
