"""The command line: one module a verb; each parses and prints, and holds no logic.

Nothing heavy is imported before the verb that needs it, so that `--help` and completion stay quick.
"""

from __future__ import annotations

import gc
import sys

_SWITCH = 0.0005
"""Seconds a thread computes while another waits: the one that imports must not hold up the one that talks to a machine."""


def main() -> None:
    """Run the command line and end the process with the exit codes of `provision.errors.Exit`."""
    gc.disable()  # a short-lived process: collecting while importing costs a tenth of the start
    sys.setswitchinterval(_SWITCH)
    from provision.run.ahead import begin

    begin(sys.argv[1:])
    from provision.cli.app import run

    code = run(sys.argv[1:])
    gc.freeze()  # or the interpreter looks once more at every object before it ends
    sys.exit(code)
