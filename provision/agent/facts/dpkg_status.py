"""dpkg's status file, searched for a few packages without parsing the rest: it may hold thousands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provision.agent.facts.tree import Tree, clean

_MOST = 1 << 26
_WORDS = 3
_START = b"Package: "
_NEXT = b"\n" + _START
_FIELDS = 1 << 12
"""Bytes of a record in which its status, architecture and version stand."""
_GONE = ("not-installed", "config-files")


class Package:
    """A package that is installed, wholly or not; `name` has the architecture behind a colon where it is a foreign one.

    Written by hand: making a record class costs more than all else here.
    """

    __slots__ = ("held", "name", "sound", "version")

    def __init__(self, name: str, version: str, *, held: bool = False, sound: bool = True) -> None:
        self.name = name
        self.version = version
        self.held = held
        self.sound = sound


class DpkgStatus:
    """The packages of the machine `tree` shows."""

    def __init__(self, tree: Tree, native: str) -> None:
        self._data = tree.bytes("/var/lib/dpkg/status", _MOST)
        self._records: list[bytes] = []
        self._own = ("", "all", native)

    def named(self, start: str) -> Iterator[Package]:
        """Yield what is installed and called `start…`, in the order of the file: the quickest for one such start."""
        for at in self._places(_START + start.encode()):
            package = self._package(self._data[at + len(_START) : at + _FIELDS].partition(_NEXT)[0])
            if package:
                yield package

    def installed(self, starts: Sequence[str]) -> tuple[Package, ...]:
        """Return what is installed and called like one of `starts`, by name."""
        if not self._records:
            self._records = self._data.removeprefix(_START).split(_NEXT)
        words = tuple(start.encode() for start in starts)
        records = (record for record in self._records if record.startswith(words))
        return tuple(sorted(filter(None, map(self._package, records)), key=lambda package: package.name))

    def _places(self, words: bytes) -> Iterator[int]:
        """Yield where the lines are that begin with `words`."""
        if self._data.startswith(words):
            yield 0
        at = self._data.find(b"\n" + words) + 1
        while at:
            yield at
            at = self._data.find(b"\n" + words, at) + 1

    def _package(self, record: bytes) -> Package | None:
        """Return what a record says that begins with the package's name."""
        record = record[:_FIELDS].partition(b"\n\n")[0]
        status = _field(record, b"Status").split()
        if len(status) != _WORDS or status[2] in _GONE:
            return None
        name, architecture = clean(record.partition(b"\n")[0]).strip(), _field(record, b"Architecture")
        return Package(
            name=name if architecture in self._own else f"{name}:{architecture}",
            version=_field(record, b"Version"),
            held=status[0] == "hold",
            sound=status[1:] == ["ok", "installed"],
        )


def _field(record: bytes, name: bytes) -> str:
    _, found, rest = record.partition(b"\n" + name + b": ")
    return clean(rest.partition(b"\n")[0]).strip() if found else ""
