"""`provision trust`: show a host's key, and record it when a person says so."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from provision.cli import options as o

Host = Annotated[
    str, typer.Argument(metavar="HOST", help="The machine: `user@host`, or a name from ssh_config.", show_default=False)
]


def trust(host: Host, ssh_config: o.SshConfig = None, yes: o.Yes = False) -> None:
    """Show the fingerprint of a host's key and record the key in known_hosts once you have compared it."""
    from provision.errors import InputError
    from provision.render.screen import Screen
    from provision.transports.ssh import Ssh
    from provision.transports.trust import fetch_key, record, state

    destination = Ssh(host, ssh_config=ssh_config)
    offer = fetch_key(destination)
    screen = Screen.of(sys.stderr, os.environ)
    page = screen.page
    known = state(offer)
    if known == "known":
        screen.write([page.line(f"{host}: {offer.shown} is known already")])
        return
    if known == "changed":
        raise InputError(
            f"{host} offers {offer.shown}, and another key is on record for it in {offer.file}",
            hint=f"if the machine was reinstalled: `ssh-keygen -R '{offer.name}' -f {offer.file}`, then again",
        )
    screen.write(
        [page.line(f"{host} offers ", (offer.shown, "strong")), page.line("compare it with `ssh-keygen -lf` on the machine")]
    )
    if not yes:
        if not sys.stdin.isatty():
            raise InputError("no terminal to ask on", hint="add `--yes` when the fingerprint is right")
        screen.ask(page.line(f"Trust it, and record it in {offer.file}?", " [y/N]"))
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise typer.Exit(130)
    record(offer)
    screen.write([page.line(f"recorded in {offer.file}; next: `provision plan --host {host}`")])
