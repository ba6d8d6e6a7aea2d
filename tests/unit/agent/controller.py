"""An agent that serves in a thread of the test's process, and the controller's end of it."""

from __future__ import annotations

import os
import threading
from typing import Any

from provision.agent.session import Session
from provision.agent.wire import Message, Wire


class Memory:
    """Stands in for the finder the agent is imported by."""

    def __init__(self) -> None:
        self.added: list[str] = []

    def add(self, modules: str) -> None:
        self.added.append(modules)

    def pack(self) -> bytes:
        return b"packed"


class Controller:
    """The other end of an agent that serves in a thread of ours."""

    def __init__(self) -> None:
        ours, self._to_agent = os.pipe()
        self._from_agent, self._theirs = os.pipe()
        self._agent = Wire(ours, self._theirs)
        self.wire = Wire(self._from_agent, self._to_agent)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        try:
            Session(self._agent).serve()
        finally:  # whoever waits for an answer hears that there is none
            os.close(self._theirs)

    def ask(self, **message: Any) -> Message:  # noqa: ANN401 - JSON values
        self.wire.send(message)
        return self.next()

    def next(self) -> Message:
        message = self.wire.receive()
        assert message is not None
        return message

    def events(self) -> tuple[list[Message], Message]:
        """Return the events that follow, and the message that ends them."""
        found = []
        while (message := self.next())["type"] == "event":
            found.append(message["event"])
        return found, message

    def close(self) -> None:
        self.wire.send({"do": "bye"})
        self.thread.join(20)
        assert not self.thread.is_alive()
