"""`provision roles`: what there is to apply."""

from __future__ import annotations

import json
import os
import sys

from provision.cli import options as o


def roles(role_path: o.RolePaths = None, as_json: o.Json = False) -> None:
    """List the roles with one line each."""
    from provision.catalog.load import load_roles
    from provision.render.screen import Screen
    from provision.render.tables import role_lines

    known = load_roles(tuple(role_path or ()))
    if as_json:
        for role in known.values():
            line = {"schema": 1, "type": "role", "name": role.name, "summary": role.summary, "after": list(role.after)}
            sys.stdout.write(json.dumps(line) + "\n")
        return
    screen = Screen.of(sys.stdout, os.environ)
    screen.write(role_lines([(role.name, role.summary, ", ".join(role.after)) for role in known.values()], screen.page))
