"""Where a session begins: facts at once, and an end when nobody is there."""

from __future__ import annotations

import pytest

from provision.agent import entry
from provision.agent.wire import Message, Wire


def test_facts_come_first_and_a_controller_that_is_gone_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Message] = []
    monkeypatch.setattr("provision.agent.entry.Wire.send", lambda _wire, message: sent.append(message))
    monkeypatch.setattr("provision.agent.entry.Wire.receive", lambda _wire: None)
    entry.main("me")
    assert [message["type"] for message in sent] == ["facts"]
    assert sent[0]["facts"]["login"] == "me"

    def gone(_wire: Wire, _message: Message) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("provision.agent.entry.Wire.send", gone)
    with pytest.raises(SystemExit) as caught:
        entry.main("me")
    assert caught.value.code == 1
