"""A machine in memory, for provider tests: a `Writer` whose every answer a test can set and whose every step it can read."""

from __future__ import annotations

import hashlib
import posixpath
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from provision.agent.host import Account, Deb, Output, Stat, UnitState
from provision.agent.steps import Report, Run, Step
from provision.errors import UnreadableError
from provision.resources.base import Blob
from tests.fake_perform import perform
from tests.fake_tree import Node, Tree

SECOND = 1_000_000_000
EPOCH = 1_800_000_000 * SECOND
"""When the fake clock starts."""

Handler = Callable[[Run, "FakeHost"], "int | None"]
Answer = Callable[[tuple[str, ...]], Output]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All a step can change, for equality; times of files included, the clock not."""

    nodes: tuple[tuple[str, Node], ...]
    accounts: tuple[tuple[str, Account], ...]
    groups: tuple[tuple[str, int], ...]
    debs: tuple[tuple[str, Deb], ...]
    units: tuple[tuple[str, UnitState], ...]
    state: tuple[tuple[str, str], ...]
    boot: str


class FakeHost:
    """Implements `Writer`. Starts with the usual directories, root and nothing else.

    Set it up with `put_*` and `add_*`, `on` (what a `Run` does), `answer` and `answer_guard` (what `query` and `guard`
    return), `web` (what `Fetch` gets), `blobs`, `unreadable`, `refused` (validators that say no, by program).
    Read `steps`, `reports`, `reboot_requested`, `queries` and `calls` (how often each look was taken) afterwards.
    """

    def __init__(self) -> None:
        self.tree = Tree()
        self.now = EPOCH
        self.boot = (1, EPOCH - 3600 * SECOND)
        self.users: dict[str, Account] = {}
        self.groups: dict[str, int] = {}
        self.packages: dict[str, Deb] = {}
        self.units: dict[str, UnitState] = {}
        self.state: dict[str, str] = {}
        self.blobs: dict[str, bytes] = {}
        self.web: dict[str, bytes] = {}
        self.unreadable: set[str] = set()
        self.refused: dict[str, str] = {}
        self.steps: list[Step] = []
        self.reports: list[Report] = []
        self.reboot_requested = ""
        self.queries: list[tuple[tuple[str, ...], str]] = []
        self.calls: Counter[str] = Counter()
        self._handlers: dict[tuple[str, ...], Handler] = {}
        self._answers: dict[tuple[str, ...], Answer] = {}
        self._guards: dict[tuple[str, ...], Answer] = {}
        self.add_group("root", 0)
        self.add_user("root", 0, home="/root")
        for path in ("/dev", "/etc", "/home", "/opt", "/run", "/usr/bin", "/usr/local/bin", "/var/lib"):
            self.put_directory(path)
        self.put_directory("/tmp", mode=0o1777)  # noqa: S108 - in memory

    # Setting up

    def _put(self, path: str, node: Node) -> None:
        parent = posixpath.dirname(path)
        if self.tree.get(parent) is None:
            self._put(parent, Node(kind="directory", mode=0o755, owner="root", group="root"))
        self.tree.put(path, node, now=self.now)

    def put_file(self, path: str, data: bytes = b"", mode: int = 0o644, owner: str = "root", group: str = "root") -> None:
        """Put a file there, with root-owned parents where they are missing."""
        self._put(path, Node(kind="file", mode=mode, owner=owner, group=group, data=data))

    def put_directory(self, path: str, mode: int = 0o755, owner: str = "root", group: str = "root") -> None:
        """Put a directory there."""
        self._put(path, Node(kind="directory", mode=mode, owner=owner, group=group))

    def put_link(self, path: str, target: str, owner: str = "root", group: str = "root") -> None:
        """Put a symbolic link there; `target` need not exist."""
        self._put(path, Node(kind="link", mode=0o777, owner=owner, group=group, target=target))

    def put_other(self, path: str, mode: int = 0o644, owner: str = "root", group: str = "root") -> None:
        """Put a FIFO there."""
        self._put(path, Node(kind="other", mode=mode, owner=owner, group=group))

    def add_group(self, name: str, gid: int = 900) -> None:
        """Add a group."""
        self.groups[name] = gid

    def add_user(
        self,
        name: str,
        uid: int = 1000,
        *,
        group: str = "",
        home: str = "",
        groups: tuple[str, ...] = (),
        shell: str = "/bin/bash",
    ) -> None:
        """Add an account with its primary group and its home directory (0750)."""
        primary = group or name
        self.groups.setdefault(primary, uid)
        home = home or f"/home/{name}"
        self.users[name] = Account(
            name=name, uid=uid, gid=self.groups[primary], group=primary, home=home, shell=shell, groups=groups
        )
        self.put_directory(home, mode=0o750, owner=name, group=primary)

    def add_deb(self, name: str, version: str = "1.0", *, status: str = "installed", held: bool = False) -> None:
        """Add a package to what dpkg knows."""
        self.packages[name] = Deb(name=name, version=version, status=status, held=held, architecture="amd64")

    def on(self, argv: tuple[str, ...], handler: Handler | int) -> None:
        """Say what `Run` steps that begin with `argv` do: a function of step and host, or just an exit code."""
        self._handlers[argv] = handler if callable(handler) else lambda _step, _host: handler

    def answer(self, argv: tuple[str, ...], answer: Answer | Output | str) -> None:
        """Say what `query` returns for commands that begin with `argv`."""
        self._answers[argv] = _answering(answer)

    def answer_guard(self, argv: tuple[str, ...], answer: Answer | Output | str) -> None:
        """Say what `guard` returns for commands that begin with `argv`."""
        self._guards[argv] = _answering(answer)

    def handler(self, argv: tuple[str, ...]) -> Handler:
        """Return what `Run` does for `argv`; fails on what no test registered with `on`."""
        return _longest(self._handlers, argv, "run")

    def tick(self, seconds: int = 1) -> None:
        """Let time pass."""
        self.now += seconds * SECOND

    def reboot(self) -> None:
        """Boot again: a new boot id, and the request is fulfilled."""
        self.tick(60)
        self.boot = (self.boot[0] + 1, self.now)
        self.reboot_requested = ""

    def snapshot(self) -> Snapshot:
        """Return all a step can change, frozen."""
        return Snapshot(
            nodes=tuple(sorted(self.tree.nodes.items())),
            accounts=tuple(sorted(self.users.items())),
            groups=tuple(sorted(self.groups.items())),
            debs=tuple(sorted(self.packages.items())),
            units=tuple(sorted(self.units.items())),
            state=tuple(sorted(self.state.items())),
            boot=self.boot_id(),
        )

    def text(self, path: str) -> str:
        """Return a file's text, for assertions."""
        node = self.tree.get(path)
        assert node is not None, f"nothing at {path}"
        assert node.kind == "file", f"{path} is a {node.kind}"
        return node.data.decode()

    # Reader

    def _look(self, call: str, path: str, *, itself: bool = True) -> Node | None:
        self.calls[call] += 1
        for bad in self.unreadable:
            if path.startswith(f"{bad}/") or (itself and path == bad):
                raise UnreadableError(f"cannot read `{path}`: permission denied")
        return self.tree.get(path)

    def lstat(self, path: str) -> Stat | None:
        """See `Reader`; only what lies *below* an unreadable path cannot be looked at."""
        node = self._look("lstat", path, itself=False)
        return None if node is None else node.stat

    def read(self, path: str, *, limit: int = 1 << 26) -> bytes | None:
        """See `Reader`."""
        node = self._look("read", path)
        return None if node is None else _regular(path, node, limit)

    def readlink(self, path: str) -> str | None:
        """See `Reader`."""
        node = self._look("readlink", path)
        if node is not None and node.kind != "link":
            raise UnreadableError(f"`{path}` is a {node.kind}, not a link")
        return None if node is None else node.target

    def listdir(self, path: str) -> tuple[str, ...] | None:
        """See `Reader`."""
        node = self._look("listdir", path)
        if node is not None and node.kind != "directory":
            raise UnreadableError(f"`{path}` is a {node.kind}, not a directory")
        return None if node is None else self.tree.children(path)

    def sha256(self, path: str) -> str | None:
        """See `Reader`."""
        node = self._look("sha256", path)
        return None if node is None else hashlib.sha256(_regular(path, node, 1 << 62)).hexdigest()

    def query(self, argv: Sequence[str], *, timeout: int = 60, user: str = "root") -> Output:
        """See `Reader`; fails on what no test registered with `answer`."""
        self.calls["query"] += 1
        self.queries.append((tuple(argv), user))
        return _longest(self._answers, tuple(argv), "query")(tuple(argv))

    def guard(self, argv: Sequence[str], *, timeout: int = 60, user: str = "root") -> Output:
        """See `Reader`; fails on what no test registered with `answer_guard`."""
        self.calls["guard"] += 1
        self.queries.append((tuple(argv), user))
        return _longest(self._guards, tuple(argv), "guard")(tuple(argv))

    def accounts(self) -> Mapping[str, Account]:
        """See `Reader`."""
        return dict(self.users)

    def group_names(self) -> Mapping[str, int]:
        """See `Reader`."""
        return dict(self.groups)

    def debs(self) -> Mapping[str, Deb]:
        """See `Reader`."""
        return dict(self.packages)

    def unit(self, name: str) -> UnitState:
        """See `Reader`; a unit nobody added is `not-found`."""
        self.calls["unit"] += 1
        return self.units.get(name, UnitState(load="not-found", active="inactive", file=""))

    def recall(self, name: str) -> str | None:
        """See `Reader`."""
        return self.state.get(name)

    def blob(self, blob: Blob) -> bytes | None:
        """See `Reader`."""
        return self.blobs.get(blob.sha256)

    def boot_id(self) -> str:
        """See `Reader`."""
        return f"00000000-0000-4000-8000-{self.boot[0]:012d}"

    def boot_time_ns(self) -> int:
        """See `Reader`."""
        return self.boot[1]

    def now_ns(self) -> int:
        """See `Reader`."""
        return self.now

    # Writer

    def perform(self, step: Step) -> None:
        """See `Writer`; time passes, and `steps` gets `step` even when it fails."""
        self.tick()
        self.steps.append(step)
        perform(step, self)


def _answering(answer: Answer | Output | str) -> Answer:
    if isinstance(answer, str):
        answer = Output(code=0, stdout=answer, stderr="")
    if isinstance(answer, Output):
        fixed = answer
        return lambda _argv: fixed
    return answer


def _regular(path: str, node: Node, limit: int) -> bytes:
    if node.kind != "file":
        raise UnreadableError(f"`{path}` is a {node.kind}, not a file")
    if len(node.data) > limit:
        raise UnreadableError(f"`{path}` is larger than {limit} bytes")
    return node.data


def _longest(table: Mapping[tuple[str, ...], T], argv: tuple[str, ...], what: str) -> T:
    for length in range(len(argv), 0, -1):
        if argv[:length] in table:
            return table[argv[:length]]
    raise AssertionError(f"no test registered this {what}: {argv}")
