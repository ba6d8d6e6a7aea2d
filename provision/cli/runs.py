"""`provision runs`: what was done on a machine, and when."""

from __future__ import annotations

import json
import os
import sys

from provision.cli import options as o


def runs(
    host: o.Hosts = None,
    ssh_config: o.SshConfig = None,
    ask_sudo_password: o.AskSudo = False,
    sudo_password_stdin: o.SudoStdin = False,
    as_json: o.Json = False,
) -> None:
    """List the runs on a machine, oldest first."""
    from provision.render.screen import Screen
    from provision.render.tables import run_lines
    from provision.run.connect import Gate, connect

    gate = Gate()
    gate.open()
    sudo = o.sudo(ask_first=ask_sudo_password, from_stdin=sudo_password_stdin)
    for name, later in connect(o.machines(host, ssh_config).transports, sudo, gate).items():
        with later.get() as session:
            found = session.runs()
        if as_json:
            for item in found:
                sys.stdout.write(json.dumps({"schema": 1, "host": name, "type": "run", **item}) + "\n")
        else:
            screen = Screen.of(sys.stdout, os.environ)
            screen.write(run_lines(found, screen.page))
