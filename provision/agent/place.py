"""A place in the file system: what is at a path, whose it is to be, and what is missing above it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent.host import Reader, Stat
from provision.agent.provider import Pending
from provision.agent.steps import MakeDirectory, SetAttributes
from provision.errors import ProvisionError
from provision.plan.diff import unified
from provision.plan.model import Change, Diff, Status, differs, same

PRIVATE = 0o077
"""A file with none of these bits is nobody else's business: its text is not shown in a plan."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """What `locate` found; `owner` and `group` are those wanted, `missing` the absent parents from the top."""

    path: str
    owner: str
    group: str
    stat: Stat | None
    target: str = ""
    """Where a link at `path` leads."""
    missing: tuple[str, ...] = ()
    blocked: str = ""
    """A parent that is there and is no directory."""
    home: str = ""
    """The owner's home directory where `path` lies below it."""
    primary: str = ""
    """The owner's primary group."""
    strangers: tuple[str, ...] = ()
    """What is not in passwd and group yet: `user:NAME`, `group:NAME`."""

    @property
    def kind(self) -> str:
        """`file`, `directory`, `link`, `other`, or `absent`."""
        return "absent" if self.stat is None else self.stat.kind

    @property
    def says(self) -> str:
        """What is there, for people."""
        return {"link": f"link to {self.target}", "other": "FIFO, socket or device"}.get(self.kind, self.kind)

    def wrong(self, wanted: str) -> ProvisionError:
        """Return the error for a kind of thing that is never replaced."""
        return ProvisionError(
            f"`{self.path}` is a {self.says}, not a {wanted}",
            hint=f"look at it with `ls -ld {self.path}` and move it away, then apply again",
        )

    def blocker(self, pending: Pending) -> Diff | None:
        """Return `known-after-apply` where what is in the way will change; raises `ProvisionError` where it will not."""
        if self.blocked:
            if pending.has(f"path:{self.blocked}"):
                return Diff(status=Status.KNOWN_AFTER_APPLY, why=f"`{self.blocked}` is no directory yet")
            raise ProvisionError(
                f"cannot make `{self.path}`: `{self.blocked}` is there and is no directory",
                hint=f"look at it with `ls -ld {self.blocked}` and move it away, then apply again",
            )
        for stranger in self.strangers:
            kind, _, name = stranger.partition(":")
            # A user brings a group of the same name; a package's script may bring either.
            if not (pending.has(stranger) or pending.has(f"user:{name}") or pending.kind("package")):
                raise ProvisionError(f"`{self.path}` is to belong to {kind} `{name}`, which does not exist")
        return None

    def parent_changes(self, pending: Pending) -> tuple[Change, ...]:
        """Return the directories that will be made on the way, less those that something else makes before."""
        return tuple(
            Change(field="parent", before="absent", after=path) for path in self.missing if not pending.has(f"path:{path}")
        )

    def attribute_changes(self, mode: int) -> tuple[Change, ...]:
        """Return how mode, owner and group of what is there differ."""
        if self.stat is None:
            return ()
        pairs = (
            ("mode", f"{self.stat.mode:04o}", f"{mode:04o}"),
            ("owner", self.stat.owner, self.owner),
            ("group", self.stat.group, self.group),
        )
        return tuple(Change(field=field, before=before, after=after) for field, before, after in pairs if before != after)

    def attributes_diff(self, mode: int, why: str) -> Diff:
        """Return the diff where only attributes may differ still; `why` it is ok otherwise."""
        changes = self.attribute_changes(mode)
        return differs(*changes, why=" and ".join(change.field for change in changes) + " differ") if changes else same(why)

    def parents(self) -> Iterator[MakeDirectory]:
        """Yield the steps that make the missing parents."""
        for path in self.missing:
            own = self.home and f"{path}/".startswith(f"{self.home}/")
            owner, group = (self.owner, self.primary) if own else ("root", "root")
            yield MakeDirectory(path=path, mode=0o700 if path == self.home else 0o755, owner=owner, group=group)

    def attributes(self, mode: int) -> SetAttributes:
        """Return the step that sets mode, owner and group."""
        return SetAttributes(path=self.path, mode=mode, owner=self.owner, group=self.group)


def locate(path: str, owner: str, group: str, host: Reader) -> Place:
    """Look at `path` (one `lstat` when something is there); `group` empty means the owner's primary group."""
    accounts = host.accounts()
    account = accounts.get(owner)
    primary = account.group if account else owner
    group = group or primary
    stat = host.lstat(path)
    missing, blocked = ((), "") if stat is not None else _missing(path, host)
    strangers = () if account else (f"user:{owner}",)
    if group not in host.group_names():
        strangers = (*strangers, f"group:{group}")
    home = account.home if account and account.home != "/" and path.startswith(f"{account.home}/") else ""
    return Place(
        path=path,
        owner=owner,
        group=group,
        stat=stat,
        target=(host.readlink(path) or "") if stat is not None and stat.kind == "link" else "",
        missing=missing,
        blocked=blocked,
        home=home,
        primary=primary,
        strangers=strangers,
    )


def _missing(path: str, host: Reader) -> tuple[tuple[str, ...], str]:
    """Return the absent parents of `path` from the top, and the first one above them if it is no directory."""
    missing: list[str] = []
    parent = posixpath.dirname(path)
    while parent != "/":
        stat = host.lstat(parent)
        if stat is not None and stat.kind == "link":
            # The kernel follows a link before `/.`; what it leads to must be a directory.
            stat = host.lstat(f"{parent}/.")
            return tuple(reversed(missing)), "" if stat is not None else parent
        if stat is not None:
            return tuple(reversed(missing)), "" if stat.kind == "directory" else parent
        missing.append(parent)
        parent = posixpath.dirname(parent)
    return tuple(reversed(missing)), ""


def text_diff(before: bytes | None, after: bytes, path: str, mode: int) -> str:
    """Return a unified diff for people, or a note where the file of `mode` is private."""
    return unified(before, after, path) if mode & PRIVATE else "content not shown: the file is private"
