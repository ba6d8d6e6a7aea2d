"""paramiko without invoke, which it imports for `Match exec` in an ssh_config only: import this module before it.

invoke takes as long to import as the rest of paramiko (60 ms), before the first byte is sent.
"""

from __future__ import annotations

import sys
from typing import Any

_blocked = "invoke" not in sys.modules and "paramiko" not in sys.modules
if _blocked:
    sys.modules["invoke"] = None  # type: ignore[assignment] # how an import is made to fail
try:
    import paramiko.config
finally:
    if _blocked:
        del sys.modules["invoke"]


class Invoke:
    """What paramiko calls of invoke, imported when it is called."""

    @staticmethod
    def run(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as invoke has it
        """Run a command as invoke does."""
        import invoke  # noqa: PLC0415 - the point of this module

        return invoke.run(*arguments, **options)


if _blocked:
    paramiko.config.invoke = Invoke  # type: ignore[attr-defined] # not in the stubs
