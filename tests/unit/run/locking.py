"""Machines that solve environments to what a test says, and the locks that come of it."""

from __future__ import annotations

import json

from provision.agent import events
from provision.agent.events import Event
from tests.fake_agent import event

HASH = "0123456789abcdef" * 4


def pip_lock(**versions: str) -> str:
    """Return a pip lock of packages by their versions."""
    return "".join(f"{name}=={version} --hash=sha256:{HASH}\n" for name, version in sorted(versions.items()))


def conda_lock(**versions: str) -> str:
    """Return a conda lock of packages by their versions, with a build where one follows the version (`2.4=py312_0`)."""
    lines = ["# provision request=0123456789abcdef platform=linux-64"]
    for name, text in sorted(versions.items()):
        version, _, build = text.partition("=")
        record = {"name": name, "version": version, "build": build or "0", "channel": "conda-forge", "subdir": "linux-64"}
        record |= {"fn": f"{name}-{version}-{build or '0'}.conda", "sha256": HASH}
        lines.append(json.dumps(record, sort_keys=True, separators=(",", ":")))
    return "".join(f"{line}\n" for line in lines)


def begun(key: str) -> Event:
    return event(events.RESOURCE_STARTED, key=key, role="environments", title=key.partition(":")[2])


def progress(key: str, says: str) -> Event:
    return event(events.PROGRESS, key=key, says=says, fraction=None, bytes=None, total_bytes=None)


def found(key: str, text: str, kind: str = "lock") -> Event:
    return event(events.RESULT, name=kind, subject=key.partition(":")[2], text=text)


def done(key: str) -> Event:
    return event(events.RESOURCE_DONE, key=key, role="environments", title="", result="solved", seconds=1.0)


def failed(key: str, message: str = "nothing provides `x`", hint: str = "look", evidence: str = "the solver said so") -> Event:
    about = {"message": message, "hint": hint, "evidence": evidence}
    return event(events.RESOURCE_FAILED, key=key, role="environments", title="", **about)


def solved(key: str, **versions: str) -> tuple[Event, ...]:
    """Return what is said of an environment that was solved to these versions by pip."""
    return (begun(key), progress(key, "reading the index"), found(key, pip_lock(**versions)), done(key))
