"""The same tables once more on real files: the machine in memory and the real one must agree, step by step."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provision.agent.host import Writer
from provision.agent.provider import NOTHING_PENDING, provider_of
from provision.agent.writer import MachineWriter
from provision.errors import ProvisionError
from provision.plan.model import Diff
from provision.resources import Blob, File, Resource
from tests.converge import outcome
from tests.fake_host import FakeHost
from tests.fake_tree import Node
from tests.prior import PRIORS, machine, put
from tests.providers import test_authorized_keys as keys
from tests.providers import test_directory as directories
from tests.providers import test_file as files
from tests.providers import test_generated_secret as secrets
from tests.providers import test_line as lines
from tests.providers import test_link as links

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="other people's files can only be made by root")

UNSEEN = {"unreadable", "unsearchable parent"}
"""Root can read everything."""

CASES: list[tuple[str, Resource, str]] = [
    *((f"file {wanted} {prior}", want, prior) for wanted, want in files.WANTED.items() for prior in files.EXPECTED[wanted]),
    *((f"link {wanted} {prior}", want, prior) for wanted, want in links.WANTED.items() for prior in links.EXPECTED[wanted]),
    *((f"directory {wanted} {prior}", want, prior) for wanted, want in directories.WANTED.items() for prior in directories.NEW),
    *(
        (f"directory {wanted} {prior}", want, prior)
        for wanted, want in directories.WANTED.items()
        for prior in directories.ELSEWHERE
    ),
    *(
        (f"directory {wanted} {prior}", want, prior)
        for wanted, want in directories.WANTED.items()
        for prior in ("directory", "full directory")
    ),
    *((f"secret {wanted} {prior}", want, prior) for wanted, want in secrets.WANTED.items() for prior in PRIORS),
    *((f"line {wanted} {prior}", want, prior) for wanted, want in lines.WANTED.items() for prior in (*PRIORS, *lines.CONTENTS)),
    *((f"keys {prior}", keys.WANTED["one"], prior) for prior in keys.LAYS),
]


def export(host: FakeHost, root: Path) -> None:
    """Put on disk what is in memory."""
    for path, node in sorted(host.tree.nodes.items()):
        at = root / path.strip("/")
        if node.kind == "directory":
            at.mkdir(exist_ok=True)
        elif node.kind == "file":
            at.write_bytes(node.data)
        elif node.kind == "link":
            at.symlink_to(node.target)
        else:
            os.mkfifo(at)
        os.lchown(at, host.users[node.owner].uid, host.groups[node.group])
        if node.kind != "link":
            at.chmod(node.mode)
    users = host.users.values()
    (root / "etc/passwd").write_text("".join(f"{u.name}:x:{u.uid}:{u.gid}::{u.home}:{u.shell}\n" for u in users))
    (root / "etc/group").write_text("".join(f"{name}:x:{gid}:\n" for name, gid in host.groups.items()))


def look(real: Writer, path: str) -> Node | None:
    """Return what is on disk as the tree in memory has it, times apart."""
    stat = real.lstat(path)
    if stat is None:
        return None
    data = (real.read(path) or b"") if stat.kind == "file" else b""
    target = (real.readlink(path) or "") if stat.kind == "link" else ""
    return Node(kind=stat.kind, mode=stat.mode, owner=stat.owner, group=stat.group, data=data, target=target)


def really(want: Resource, real: Writer) -> str:
    """Return what came of `want` on disk, as `outcome` says it."""
    provider = provider_of(want.kind)

    def round_() -> tuple[Diff, list[str]]:
        have = provider.observe(want, real)
        diff = provider.diff(want, have, NOTHING_PENDING)
        steps = [] if diff.ok else list(provider.steps(want, have))
        for step in steps:
            real.perform(step)
        return diff, [type(step).__name__ for step in steps]

    try:
        diff, names = round_()
    except ProvisionError as error:
        return f"! {error.message}"
    assert round_()[0].ok
    return f"= {diff.why}" if diff.ok else f"~ {' '.join(c.field for c in diff.changes)} > {' '.join(names)}"


def prepare(name: str, want: Resource, prior: str, host: FakeHost) -> None:
    if name.startswith("keys"):
        for act in keys.LAYS[prior]:
            act(host)
    elif name.startswith("line") and prior in lines.CONTENTS:
        host.put_file(lines.PATH, lines.CONTENTS[prior][0], 0o640, "me", "other")
    elif isinstance(want, File):
        files.prepare(prior, want, host)
    else:
        put(prior, want.identity.partition("#")[0], host)


@pytest.mark.parametrize(
    ("name", "want", "prior"),
    [case for case in CASES if case[2] not in UNSEEN],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_memory_and_disk_agree(name: str, want: Resource, prior: str, tmp_path: Path) -> None:
    host = machine()
    prepare(name, want, prior, host)
    if host.unreadable or not host.users:
        pytest.skip("cannot be so on disk, for root")
    host.blobs = {Blob.of(b"new\n").sha256: b"new\n"}
    export(host, tmp_path)
    real = MachineWriter(root=str(tmp_path), blobs=host.blobs)
    assert really(want, real) == outcome(want, host)
    random = want.kind == "generated_secret"
    for path, node in host.tree.nodes.items():
        found = look(real, path)
        assert found is not None, path
        expected = Node(
            kind=node.kind,
            mode=node.mode,
            owner=node.owner,
            group=node.group,
            data=found.data if random else node.data,
            target=node.target,
        )
        assert found == expected, path
    paths = {f"/{path.relative_to(tmp_path)}" for path in tmp_path.rglob("*")} - {"/etc/passwd", "/etc/group"}
    assert paths <= set(host.tree.nodes), "something was left behind"
