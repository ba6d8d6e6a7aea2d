"""`provision attach`: follow a run that goes on by itself."""

from __future__ import annotations

from typing import Annotated

import typer

from provision.cli import options as o

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id; the newest when it is left out.", show_default=False)]
After = Annotated[int, typer.Option("--after", metavar="NUMBER", help="Leave out events up to this number.")]


def attach(
    run: Run = "",
    host: o.Hosts = None,
    ssh_config: o.SshConfig = None,
    after: After = 0,
    ask_sudo_password: o.AskSudo = False,
    sudo_password_stdin: o.SudoStdin = False,
    as_json: o.Json = False,
) -> None:
    """Follow a run from its beginning until it ends, also after the connection was lost; then exit as it did."""
    from provision.run.connect import Gate, connect, each
    from provision.run.drive import follow

    machine = o.machines(host, ssh_config).only
    gate = Gate()
    gate.open()
    name = machine.name
    with o.shown(as_json=as_json) as ui:
        sudo = o.sudo(ask_first=ask_sudo_password, from_stdin=sudo_password_stdin)
        with connect([machine], sudo, gate)[name].get() as session:
            code = each([name], lambda _: follow(name, session, session.attach(run, after), ui, None), session.stop)[name]
            if not isinstance(code, int):
                raise code
        ui.end(code)
    o.end(code)
