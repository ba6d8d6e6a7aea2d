"""Components of the distribution's archive: written into the sources that are there, all else in them byte for byte."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from provision.agent import apt
from provision.agent.files import Files
from provision.agent.host import Reader, Stat
from provision.agent.place import text_diff
from provision.agent.provider import Pending
from provision.agent.source_entries import SourceEntry, added, entries
from provision.agent.sources_list import FOLDER, MAIN
from provision.agent.steps import Remember, Step, Write
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, Status, differs, same
from provision.resources.apt_components import AptComponents

_SUITES = ("", "-updates", "-security", "-backports", "-proposed", "-proposed-updates", "/updates")
_BAD = '\\|{}[]<>"^~_=!@#$%^&*'
"""What apt writes as `%xx` in the name of an index's file, besides what cannot be printed."""


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file of sources as it is."""

    path: str
    text: str = field(repr=False)
    stat: Stat


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The files with the distribution's own entries; `alike` are entries of its suites that something says are not its own.

    `fetched` is the digest of what was last fetched, `indexed_ns` when any index was, 0 when that is not known.
    """

    system: str
    codename: str
    files: tuple[SourceFile, ...] = ()
    own: tuple[SourceEntry, ...] = ()
    alike: tuple[SourceEntry, ...] = ()
    fetched: str = ""
    indexed_ns: int = 0
    now_ns: int = 0


class DistributionComponents:
    """A source is the distribution's by its suite and `main`; where an index is there, by what that says of itself, too."""

    def observe(self, want: AptComponents, host: Reader) -> Observed:
        files = Files(host)
        system = files.setting("/etc/os-release", "ID") or "linux"
        codename = files.setting("/etc/os-release", "VERSION_CODENAME")
        sources = tuple(_sources(host))
        releases = _Releases(files, system, codename)
        alike = [each for source in sources for each in entries(source.path, source.text) if releases.alike(each)]
        own = tuple(each for each in alike if releases.own(each))
        age, now = apt.index_age(host), host.now_ns()
        return Observed(
            system=system,
            codename=codename,
            files=tuple(source for source in sources if any(each.file == source.path for each in own)),
            own=own,
            alike=tuple(each for each in alike if each not in own),
            fetched=host.recall(_memory(want)) or "",
            indexed_ns=0 if age is None else now - age * 1_000_000_000,
            now_ns=now,
        )

    def diff(self, want: AptComponents, have: Observed, pending: Pending) -> Diff:
        coming = next((path for path in (MAIN, *(file.path for file in have.files)) if pending.has(f"path:{path}")), "")
        if coming:
            return Diff(status=Status.KNOWN_AFTER_APPLY, why=f"{coming} changes before")
        if not have.own:
            if have.alike and not _missing(want, have.alike):
                return same("every source of this release has them")
            raise _nothing_to_edit(want, have)
        changes = _changes(want, have)
        if not changes:
            return same("every source of the distribution has them, and its index was fetched since")
        texts = (text_diff(_bytes(file.text), after, file.path, file.stat.mode) for file, after in _edits(want, have))
        return differs(*changes, text="\n".join(texts), seconds=10)

    def steps(self, want: AptComponents, have: Observed) -> Iterator[Step]:
        if not have.own or not _changes(want, have):
            return
        for file, after in _edits(want, have):
            yield Write(path=file.path, content=after, mode=file.stat.mode, owner=file.stat.owner, group=file.stat.group)
        yield from apt.update(have.now_ns)
        yield Remember(name=_memory(want), value=_digest(want, have.own))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _sources(host: Reader) -> Iterator[SourceFile]:
    names = (f"{FOLDER}/{name}" for name in host.listdir(FOLDER) or () if name.endswith((".list", ".sources")))
    for path in (MAIN, *names):
        stat = host.lstat(path)
        if stat is not None and stat.kind == "file":
            text = (host.read(path) or b"").decode("utf-8", "surrogateescape")
            yield SourceFile(path=path, text=text, stat=stat)


class _Releases:
    """Whose an entry is, by its suite and by the Release file apt fetched for it."""

    def __init__(self, files: Files, system: str, codename: str) -> None:
        self._files = files
        self._system = system
        self._suites = {f"{codename}{suffix}" for suffix in _SUITES} if codename else set()
        self._heads: dict[tuple[str, str], dict[str, str]] = {}

    def alike(self, entry: SourceEntry) -> bool:
        """Whether `entry` has `main` and a suite of this release: by its name, or what is called `stable` by its index."""
        if "main" not in entry.components:
            return False
        return any({suite, self._head(uri, suite).get("Codename", "")} & self._suites for uri, suite in entry.places)

    def own(self, entry: SourceEntry) -> bool:
        """Whether nothing says that `entry` is somebody else's: its Release file, else the name of its key."""
        origins = {self._head(*place).get("Origin", "") for place in entry.places} - {""}
        if origins:
            return any(each.removesuffix(" Backports").lower() == self._system for each in origins)
        return not entry.signed_by or self._system in posixpath.basename(entry.signed_by)

    def _head(self, uri: str, suite: str) -> dict[str, str]:
        if (uri, suite) not in self._heads:
            name = _index_name(f"{uri}/dists/{suite.rstrip('/')}/")
            texts = (self._files.text(f"{apt.LISTS}/{name}{last}") for last in ("InRelease", "Release"))
            text = next(filter(None, texts), "")
            self._heads[uri, suite] = dict(re.findall(r"^(Origin|Codename): *(.*?) *$", text, re.MULTILINE))
        return self._heads[uri, suite]


def _index_name(uri: str) -> str:
    """Return the beginning of the names of the files in which apt keeps what it fetched from `uri`."""
    bare = re.sub(r"^[a-z0-9+.-]+:(//)?([^/@]*@)?", "", uri)
    quoted = (chr(byte) if "!" <= chr(byte) <= "~" and chr(byte) not in _BAD else f"%{byte:02x}" for byte in bare.encode())
    return "".join(quoted).replace("/", "_")


def _memory(want: AptComponents) -> str:
    return f"apt-components-{'-'.join(sorted(want.components))}"


def _missing(want: AptComponents, own: Iterable[SourceEntry]) -> list[tuple[SourceEntry, tuple[str, ...]]]:
    """Return what each entry lacks; a repository may be named in several, and each component belongs into one of them."""
    known: dict[tuple[str, str], set[str]] = {}
    own = tuple(own)
    for entry in own:
        for place in entry.places:
            known.setdefault(place, set()).update(entry.components)
    found = []
    for entry in own:
        lacking = tuple(name for name in want.components if any(name not in known[place] for place in entry.places))
        for place in entry.places:
            known[place].update(lacking)
        if lacking:
            found.append((entry, lacking))
    return found


def _edits(want: AptComponents, have: Observed) -> Iterator[tuple[SourceFile, bytes]]:
    missing = _missing(want, have.own)
    for file in have.files:
        additions = {entry.end: lacking for entry, lacking in missing if entry.file == file.path}
        if additions:
            yield file, _bytes(added(file.text, additions))


def _changes(want: AptComponents, have: Observed) -> tuple[Change, ...]:
    found = []
    for entry, lacking in _missing(want, have.own):
        names = (*entry.components, *lacking)
        found.append(Change(field=" ".join(entry.suites), before=" ".join(entry.components), after=" ".join(names)))
    edited = max(file.stat.ctime_ns for file in have.files)
    if found or (have.fetched != _digest(want, have.own) and have.indexed_ns <= edited):
        found.append(Change(field="index", before="not fetched since the sources changed", after="fetched"))
    return tuple(found)


def _digest(want: AptComponents, own: Iterable[SourceEntry]) -> str:
    """Return what is remembered once the index of these components was fetched from these places."""
    places = sorted({place for entry in own for place in entry.places})
    return hashlib.sha256(repr((sorted(want.components), places)).encode()).hexdigest()


def _nothing_to_edit(want: AptComponents, have: Observed) -> ProvisionError:
    release = " ".join(filter(None, (have.system, have.codename)))
    line = f"deb MIRROR {have.codename or 'SUITE'} main {' '.join(want.components)}"
    seen = "".join(f"\n{each.file}: {' '.join(each.suites)} {' '.join(each.components)}" for each in have.alike)
    return ProvisionError(
        f"no apt source of {release} itself is there to add {' '.join(want.components)} to",
        hint=f"write `{line}` with your mirror's address into `{MAIN}`, then apply again",
        evidence=f"of another origin, so left alone:{seen}" if seen else "",
    )


provider = DistributionComponents()
