"""What each step does to a `FakeHost`."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from provision.agent.key import checked
from provision.agent.steps import (
    Fetch,
    FetchKey,
    MakeDirectory,
    MakeLink,
    Remember,
    Remove,
    RemoveTree,
    Report,
    RequestReboot,
    Run,
    SetAttributes,
    Step,
    Write,
    WriteRandom,
)
from provision.errors import StepError
from tests.fake_tree import Node

if TYPE_CHECKING:
    from tests.fake_host import FakeHost


def perform(step: Step, host: FakeHost) -> None:
    """Do to `host` what `step` says; raises `StepError` where a real machine would refuse."""
    match step:
        case Write() | WriteRandom() | Fetch() | FetchKey():
            _put_file(_written(step, host) if isinstance(step, FetchKey) else step, host)
        case MakeDirectory():
            _nothing_at(step.path, host)
            _put(step.path, Node(kind="directory", mode=step.mode, owner=step.owner, group=step.group), host)
        case SetAttributes():
            _known(step.owner, step.group, host)
            host.tree.alter(step.path, mode=step.mode, owner=step.owner, group=step.group, now=host.now)
        case MakeLink():
            there = host.tree.get(step.path)
            if there is not None and there.kind != "link":
                raise StepError(f"cannot link `{step.path}`: a {there.kind} is there")
            _put(step.path, Node(kind="link", mode=0o777, owner=step.owner, group=step.group, target=step.target), host)
        case Remove() | RemoveTree():
            _remove(step, host)
        case Run():
            code = host.handler(step.argv)(step, host) or 0
            if code not in step.accept:
                raise StepError(f"`{step.argv[0]}` exited with {code}")
        case Remember() | RequestReboot() | Report():
            _note(step, host)


def _note(step: Remember | RequestReboot | Report, host: FakeHost) -> None:
    if isinstance(step, Remember):
        host.state[step.name] = step.value
    elif isinstance(step, RequestReboot):
        host.reboot_requested = step.because
    else:
        host.reports.append(step)


def _known(owner: str, group: str, host: FakeHost) -> None:
    if owner not in host.users and not owner.isdigit():
        raise StepError(f"no user `{owner}`")
    if group not in host.groups and not group.isdigit():
        raise StepError(f"no group `{group}`")


def _nothing_at(path: str, host: FakeHost) -> None:
    there = host.tree.get(path)
    if there is not None:
        raise StepError(f"a {there.kind} is at `{path}`")


def _put(path: str, node: Node, host: FakeHost) -> None:
    _known(node.owner, node.group, host)
    host.tree.put(path, node, now=host.now)


def _put_file(step: Write | WriteRandom | Fetch, host: FakeHost) -> None:
    there = host.tree.get(step.path)
    if there is not None and there.kind == "directory":
        raise StepError(f"a directory is at `{step.path}`")
    if isinstance(step, Write):
        data = step.content
        if step.validate and step.validate[0] in host.refused:
            raise StepError(f"`{step.validate[0]}` refuses `{step.path}`", evidence=host.refused[step.validate[0]])
    elif isinstance(step, WriteRandom):
        _nothing_at(step.path, host)
        stream = b"".join(hashlib.sha256(f"{host.now} {n}".encode()).digest() for n in range(step.length // 32 + 1))
        data = stream[: step.length].hex().encode() + b"\n"
    else:
        if step.url not in host.web:
            raise StepError(f"cannot fetch `{step.url}`: 404")
        data = host.web[step.url]
        if hashlib.sha256(data).hexdigest() != step.sha256:
            raise StepError(f"`{step.url}` has another sha256")
    _put(step.path, Node(kind="file", mode=step.mode, owner=step.owner, group=step.group, data=data), host)


def _written(step: FetchKey, host: FakeHost) -> Write:
    """Return what comes of fetching a key."""
    if step.url not in host.web:
        raise StepError(f"cannot fetch `{step.url}`: 404")
    data = checked(host.web[step.url], step.url, step.fingerprint)
    return Write(path=step.path, content=data, mode=0o644, owner="root", group="root")


def _remove(step: Remove | RemoveTree, host: FakeHost) -> None:
    there = host.tree.get(step.path)
    if there is None:
        raise StepError(f"nothing is at `{step.path}`")
    if isinstance(step, RemoveTree) and there.kind != "directory":
        raise StepError(f"`{step.path}` is a {there.kind}, not a directory")
    if isinstance(step, Remove) and there.kind == "other":
        raise StepError(f"`{step.path}` is neither a file, a link nor a directory")
    if isinstance(step, Remove) and there.kind == "directory" and host.tree.children(step.path):
        raise StepError(f"directory `{step.path}` is not empty")
    host.tree.drop(step.path)
