"""Keys that may log in as a user: `~USER/.ssh/authorized_keys`.

sshd ignores the file where it, `.ssh` or the home can be written by others (`StrictModes`), so those are mended too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from provision.agent.host import Account, Reader, Stat
from provision.agent.provider import Pending
from provision.agent.steps import MakeDirectory, SetAttributes, Step, Write
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, Status, differs, same
from provision.resources.authorized_keys import AuthorizedKeys
from provision.resources.public_key import TYPES, Key, check_public_key

FOREIGN_WRITE = 0o022
FOLDER_MODE = 0o700
FILE_MODE = 0o600
LIMIT = 1 << 20
"""Bytes of a file that is read at all."""


@dataclass(frozen=True, kw_only=True)
class KeysState:
    """The account, what is at its home (links followed), at `.ssh` and at `authorized_keys`, and the bytes there."""

    account: Account | None = None
    home: Stat | None = None
    home_linked: bool = False
    folder: Stat | None = None
    file: Stat | None = None
    content: bytes = field(default=b"", repr=False)


class AuthorizedKeysProvider:
    """Adds the keys that are missing at the end; what a person put there keeps its options, comments and order."""

    def observe(self, want: AuthorizedKeys, host: Reader) -> KeysState:
        account = host.accounts().get(want.user)
        if account is None:
            return KeysState()
        home = host.lstat(account.home)
        linked = home is not None and home.kind == "link"
        if linked:
            home = host.lstat(f"{account.home}/.")
        folder = host.lstat(_folder(account)) if home and home.kind == "directory" else None
        file = host.lstat(_file(account)) if folder and folder.kind == "directory" else None
        content = host.read(_file(account), limit=LIMIT) if file and file.kind == "file" else None
        return KeysState(account=account, home=home, home_linked=linked, folder=folder, file=file, content=content or b"")

    def diff(self, want: AuthorizedKeys, have: KeysState, pending: Pending) -> Diff:
        if have.account is None and pending.has(f"user:{want.user}"):
            return Diff(status=Status.KNOWN_AFTER_APPLY, why=f"user `{want.user}` is not there yet")
        changes = (*_key_changes(want, have), *(change for change, _ in _work(want, have) if change.before != change.after))
        if changes:
            return differs(*changes, why="keys differ" if _text(want, have) != have.content else "sshd would ignore the file")
        return same(f"all of {len(want.keys)} keys are there" if want.keys else "no key is wanted")

    def steps(self, want: AuthorizedKeys, have: KeysState) -> Iterator[Step]:
        for _, step in _work(want, have):
            yield step


def _folder(account: Account) -> str:
    return f"{account.home}/.ssh"


def _file(account: Account) -> str:
    return f"{account.home}/.ssh/authorized_keys"


def _checked(want: AuthorizedKeys, have: KeysState) -> tuple[Account, Stat]:
    """Return account and home; raises `ProvisionError` where sshd could never use the keys, or root would follow a link."""
    account, home = have.account, have.home
    if account is None:
        raise ProvisionError(f"user `{want.user}` does not exist, so no key can let anybody in as `{want.user}`")
    if home is None or home.kind != "directory" or account.home == "/":
        raise ProvisionError(
            f"user `{want.user}` has no home directory to keep keys in: `{account.home}`",
            hint=f"make it with `mkhomedir_helper {want.user}`",
        )
    if home.owner not in {account.name, "root"}:
        raise ProvisionError(
            f"`{account.home}` belongs to `{home.owner}`, so sshd ignores the keys in it",
            hint=f"`chown {account.name} {account.home}` if it is really theirs",
        )
    if have.home_linked and home.mode & FOREIGN_WRITE:
        raise ProvisionError(
            f"what `{account.home}` leads to can be written by others, so sshd ignores the keys in it",
            hint=f"`chmod go-w {account.home}/.`",
        )
    for path, stat, kind in ((_folder(account), have.folder, "directory"), (_file(account), have.file, "file")):
        if stat is not None and stat.kind != kind:
            there = "FIFO, socket or device" if stat.kind == "other" else stat.kind
            raise ProvisionError(
                f"`{path}` is a {there}, not a {kind}, and is never followed or replaced",
                hint=f"look at it with `ls -ld {path}` and move it away, then apply again",
            )
    return account, home


def _work(want: AuthorizedKeys, have: KeysState) -> list[tuple[Change, Step]]:
    """Return what to do besides what `_key_changes` says, each with the step; the text comes with the file."""
    account, home = _checked(want, have)
    owner, group = account.name, account.group
    folder, file, text = _folder(account), _file(account), _text(want, have)
    work: list[tuple[Change, Step]] = []
    if home.mode & FOREIGN_WRITE:
        mode = home.mode & ~FOREIGN_WRITE
        step = SetAttributes(path=account.home, mode=mode, owner=home.owner, group=home.group)
        work.append((_change(account.home, home, f"{mode:04o} {home.owner}"), step))
    if have.file is None and text == b"":
        return work
    if have.folder is None:
        make = MakeDirectory(path=folder, mode=FOLDER_MODE, owner=owner, group=group)
        work.append((_change(folder, None, f"{FOLDER_MODE:04o} {owner}"), make))
    elif (have.folder.mode, have.folder.owner) != (FOLDER_MODE, owner):
        step = SetAttributes(path=folder, mode=FOLDER_MODE, owner=owner, group=group)
        work.append((_change(folder, have.folder, f"{FOLDER_MODE:04o} {owner}"), step))
    attributes = (have.file.mode, have.file.owner) if have.file else ()
    if have.file is None or text != have.content:
        write = Write(path=file, content=text, mode=FILE_MODE, owner=owner, group=group)
        work.append((_change(file, have.file, f"{FILE_MODE:04o} {owner}"), write))
    elif attributes != (FILE_MODE, owner):
        step = SetAttributes(path=file, mode=FILE_MODE, owner=owner, group=group)
        work.append((_change(file, have.file, f"{FILE_MODE:04o} {owner}"), step))
    return work


def _change(path: str, before: Stat | None, after: str) -> Change:
    return Change(field=path, before=f"{before.mode:04o} {before.owner}" if before else "absent", after=after)


def _material(line: str) -> tuple[str, str] | None:
    """Return type and base64 of the key on `line`, or `None`; options before it are skipped as sshd skips them."""
    words = line.split(None, 2)
    if words and words[0] not in TYPES:
        words = _after_options(line.strip()).split(None, 2)
    return (words[0], words[1]) if len(words) > 1 and words[0] in TYPES else None


def _after_options(line: str) -> str:
    at, quoted = 0, False
    while at < len(line) and (quoted or line[at] not in " \t"):
        if line.startswith('\\"', at):
            at += 1
        elif line[at] == '"':
            quoted = not quoted
        at += 1
    return line[at:]


def _missing(want: AuthorizedKeys, have: KeysState) -> list[Key]:
    there = {_material(line) for line in have.content.decode("latin-1").split("\n")}
    keys = {key.material: key for key in map(check_public_key, reversed(want.keys))}
    return [key for material, key in reversed(keys.items()) if material not in there]


def _stays(line: str, wanted: frozenset[tuple[str, str]]) -> bool:
    """Whether a line stays in an exclusive file: blank, a comment, or a wanted key."""
    return line.strip() == "" or line.lstrip().startswith("#") or _material(line) in wanted


def _kept(want: AuthorizedKeys, have: KeysState) -> tuple[list[str], list[str]]:
    """Return the lines that stay and those that go, with their line ends."""
    lines = [f"{line}\n" for line in have.content.decode("latin-1").split("\n")]
    lines[-1] = lines[-1][:-1]
    if not want.exclusive:
        return lines, []
    wanted = frozenset(check_public_key(key).material for key in want.keys)
    return [line for line in lines if _stays(line, wanted)], [line for line in lines if not _stays(line, wanted)]


def _text(want: AuthorizedKeys, have: KeysState) -> bytes:
    """Return the bytes the file is to have."""
    text = "".join(_kept(want, have)[0]).encode("latin-1")
    added = "".join(f"{' '.join((*key.material, key.comment)).strip()}\n" for key in _missing(want, have))
    return text + (b"\n" if added and text and not text.endswith(b"\n") else b"") + added.encode()


def _key_changes(want: AuthorizedKeys, have: KeysState) -> tuple[Change, ...]:
    """Return a change for each key that comes or goes, shown by type, the end of its base64, and comment."""
    come = [Change(field="key", before="absent", after=_says(key)) for key in _missing(want, have)]
    gone = []
    for line in _kept(want, have)[1]:
        material = _material(line)
        gone.append(Change(field="key", before=_says(Key(*material)) if material else "another line", after="absent"))
    return (*come, *gone)


def _says(key: Key) -> str:
    return f"{key.type} …{key.base64[-8:]} {key.comment}".strip()


provider = AuthorizedKeysProvider()
