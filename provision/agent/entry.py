"""Where a session begins: facts first, everything else while the controller is busy with them."""

from __future__ import annotations

import sys

from provision.agent.facts import collect
from provision.agent.wire import Wire
from provision.facts import model


def main(login: str) -> None:
    """Serve one session on stdin and stdout; `login` is who called, before sudo."""
    wire = Wire(0, 1)
    try:
        wire.send({"type": "facts", "facts": model.dump(collect(login=login))})
        from provision.agent.session import Session

        Session(wire).serve()
    except BrokenPipeError:  # the controller is gone; a run goes on by itself
        sys.exit(1)
