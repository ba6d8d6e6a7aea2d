"""The agent's modules, compiled: kept on the machine by an apply, so that later sessions start sooner.

Only root can write there or read there. The file's name is the hash of all modules' text and of the interpreter's code
format, and it begins with a checksum: what does not fit is compiled anew, as if it were not there. The methods that
dataclasses generate are kept with the modules: compiling them takes as long.
"""

from __future__ import annotations

import contextlib
import importlib
import marshal
import os
import zlib
from typing import Any

from provision.agent.runs import STATE, private_directory

CACHE = f"{STATE}/cache"


def keep(memory: Any) -> None:  # noqa: ANN401 - the loader, whose class is part of its text (`provision/run/payload.py`)
    """Write down all that `memory` holds, compiled, unless that is there; older versions go."""
    sources = getattr(memory, "sources", {})  # none where the modules come from files
    if all(name in memory.kept for name in sources):
        return
    for name in sources:
        importlib.import_module(name)  # what it compiles, `memory` notes
    scratch = f"{CACHE}/.{os.getpid()}"
    with contextlib.suppress(OSError):  # a full disk costs time, nothing else
        private_directory(CACHE)
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            data = marshal.dumps({**memory.kept, **memory.made})
            file.write(zlib.crc32(data).to_bytes(4, "big") + data)
        for name in os.listdir(CACHE):
            if name not in {os.path.basename(scratch), memory.name}:
                os.unlink(f"{CACHE}/{name}")
        os.replace(scratch, f"{CACHE}/{memory.name}")
