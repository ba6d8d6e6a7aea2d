"""A drive over machines whose agents are in this process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from provision.run.connect import Sudo
from provision.run.drive import Drive
from provision.run.request import Request
from tests.fake_agent import FakeMachine
from tests.roles.machines import machine
from tests.unit.run.recorder import Recorder

FACTS = machine("ubuntu-24.04-no-gpu")


def driving(*machines: FakeMachine, ui: Recorder | None = None, **more: Any) -> Drive:  # noqa: ANN401 - the drive's own fields
    request = more.pop("request", Request(roles=("base",)))
    sudo = more.pop("sudo", Sudo())
    return Drive(list(machines), more.pop("profiles", {}), request, sudo, ui or Recorder(), **more)


def one(**more: Any) -> FakeMachine:  # noqa: ANN401 - the machine's own fields
    return FakeMachine("lab", replace(FACTS, hostname="lab"), **more)


KNOWN = "s3cret"


def nothing(_key: str) -> bool:
    return False
