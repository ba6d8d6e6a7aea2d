"""`provision doctor`: why a machine's GPU does not work, and what to type."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provision.cli import options as o

FactsFile = Annotated[
    Path | None,
    typer.Option("--facts", metavar="FILE", help="Examine a machine elsewhere, by its `facts --json`.", show_default=False),
]
NoSudo = Annotated[bool, typer.Option("--no-sudo", help="Look with your own rights only.")]


def doctor(
    host: o.Hosts = None,
    inventory: o.Inventory = None,
    limit: o.Limit = None,
    ssh_config: o.SshConfig = None,
    facts: FactsFile = None,
    ask_sudo_password: o.AskSudo = False,
    sudo_password_stdin: o.SudoStdin = False,
    no_sudo: NoSudo = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Say why the GPU does not work: causes, evidence, and the command that mends each. Changes nothing."""
    with o.shown(as_json=as_json, verbose=verbose) as ui:
        from provision.run.examine import examine_elsewhere, examine_machines

        if facts is not None:
            code = examine_elsewhere(facts, ui)
        else:
            sudo = o.sudo(ask_first=ask_sudo_password, from_stdin=sudo_password_stdin, wanted=not no_sudo)
            code = examine_machines(o.machines(host, ssh_config, inventory, limit).transports, sudo, ui)
        ui.end(code)
    o.end(code)
