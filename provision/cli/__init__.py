"""The command line: one module a verb; each parses and prints, and holds no logic.

Nothing heavy is imported before the verb that needs it, so that `--help` and completion stay quick.
"""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line and end the process with the exit codes of `provision.errors.Exit`."""
    gc.disable()  # a short-lived process: collecting while importing costs a tenth of the start
    from provision.cli.app import run

    sys.exit(run(sys.argv[1:]))
