"""`provision facts`: what the machine is."""

from __future__ import annotations

import sys

from provision.cli import options as o


def facts(
    host: o.Hosts = None,
    ssh_config: o.SshConfig = None,
    as_json: o.Json = False,
) -> None:
    """Show what a machine is; with `--json` it can be replayed by `plan --facts`. Needs no root."""
    from provision.facts import model
    from provision.run.connect import Gate, connect

    gate = Gate()
    gate.open()
    sudo = o.sudo(ask_first=False, from_stdin=False, wanted=False)
    for later in connect(o.machines(host, ssh_config).transports, sudo, gate).values():
        with later.get() as session:
            found = session.facts
        if as_json:
            import json

            sys.stdout.write(json.dumps(model.dump(found)) + "\n")
        else:
            import os

            from provision.render.screen import Screen
            from provision.render.tables import facts_lines

            screen = Screen.of(sys.stdout, os.environ)
            screen.write(facts_lines(found, screen.page))
