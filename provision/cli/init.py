"""`provision init`: looks at the machine and writes a commented `workstation.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provision.cli import options as o

File = Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")]


def init(file: File = Path("workstation.toml"), host: o.Hosts = None, ssh_config: o.SshConfig = None) -> None:
    """Look at the machine and write a commented profile for it; never overwrites one."""
    from provision.errors import InputError
    from provision.profile.initial import initial_profile, write_initial
    from provision.run.connect import Gate, connect

    if file.exists():
        raise InputError(
            f"{file} is there already, and is never overwritten", hint=f"`provision plan --profile {file}` shows what it does"
        )
    machine = o.machines(host, ssh_config).only
    gate = Gate()
    gate.open()
    with connect([machine], o.sudo(ask_first=False, from_stdin=False, wanted=False), gate)[machine.name].get() as session:
        write_initial(file, initial_profile(session.facts))
    typer.echo(f"wrote {file}; next: `provision plan`", err=True)
